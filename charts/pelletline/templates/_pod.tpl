{{- define "pelletline.podLabels" -}}
{{ include "pelletline.labels" . }}
{{- with .values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The pod of a component; takes what `pelletline.component` takes. */}}
{{- define "pelletline.podSpec" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $secrets := include "pelletline.secretSources" (dict "root" $root "kafka" .kafka "database" .database "bucket" .bucket) -}}
serviceAccountName: {{ include "pelletline.componentName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
# The time that calls need to find another pod, the service's own drain, and the closing of what it stands on.
terminationGracePeriodSeconds: {{ include "pelletline.graceSeconds" $values }}
securityContext: {{- include "pelletline.podSecurity" $root | nindent 2 }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if $values.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml $values.topologySpreadConstraints | nindent 2 }}
{{- else if not .single }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels: {{- include "pelletline.selectorLabels" . | nindent 8 }}
{{- end }}
containers:
  - name: {{ .component }}
    image: {{ include "pelletline.image" $root }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    {{- with $root.Values.image.command }}
    command: {{- toYaml . | nindent 6 }}
    {{- end }}
    args: [serve, {{ .component }}, --config, /etc/pelletline/config/{{ .component }}.yaml]
    env: {{- include "pelletline.env" . | nindent 6 }}
    {{- if .server }}
    ports:
      - name: grpc
        containerPort: {{ include "pelletline.port" .component }}
        protocol: TCP
      {{- if .rest }}
      - name: http-rest
        containerPort: {{ include "pelletline.restPort" . }}
        protocol: TCP
      {{- end }}
      {{- if $root.Values.telemetry.metrics.enabled }}
      - name: metrics
        containerPort: {{ include "pelletline.metricsPort" . }}
        protocol: TCP
      {{- end }}
    {{- include "pelletline.probes" . | nindent 4 }}
    {{- end }}
    {{- if $values.preStopSeconds }}
    lifecycle:
      preStop:
        sleep:
          seconds: {{ $values.preStopSeconds | int64 }}
    {{- end }}
    {{- with $values.resources }}
    resources: {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext: {{- include "pelletline.containerSecurity" . | nindent 6 }}
    volumeMounts:
      - name: config
        mountPath: /etc/pelletline/config
        readOnly: true
      {{- if $secrets }}
      - name: secrets
        mountPath: /etc/pelletline/secrets
        readOnly: true
      {{- end }}
      {{- if .calibrations }}
      - name: calibrations
        mountPath: /etc/pelletline/calibrations
        readOnly: true
      {{- end }}
      {{- if and .models $root.Values.models.existingClaim }}
      - name: models
        mountPath: /models
        readOnly: true
      {{- end }}
      - name: tmp
        mountPath: /tmp
volumes:
  - name: config
    configMap:
      name: {{ include "pelletline.componentName" . }}
  {{- if $secrets }}
  - name: secrets
    projected:
      defaultMode: 288 # 0440
      sources: {{- $secrets | trim | nindent 8 }}
  {{- end }}
  {{- if .calibrations }}
  - name: calibrations
    projected:
      sources:
        {{- range .calibrations }}
        - configMap:
            name: {{ .configMap }}
            items:
              - key: {{ .key }}
                path: {{ .camera }}.calibration.json
        {{- end }}
  {{- end }}
  {{- if and .models $root.Values.models.existingClaim }}
  - name: models
    persistentVolumeClaim:
      claimName: {{ $root.Values.models.existingClaim }}
      readOnly: true
  {{- end }}
  - name: tmp
    emptyDir:
      sizeLimit: 64Mi
{{- end -}}

{{/*
Seconds between SIGTERM and SIGKILL of a component: a drain, then at most 18 s for calls that are still open and for broker,
database and collector to be let go of.
*/}}
{{- define "pelletline.graceSeconds" -}}
{{- add .preStopSeconds (ceil (divf .drainTimeoutMs 1000)) 18 -}}
{{- end -}}

{{- define "pelletline.probes" -}}
startupProbe:
  grpc:
    port: {{ include "pelletline.port" .component }}
    service: liveness
  periodSeconds: 2
  failureThreshold: 60
# Not ready while broker, database, registry or model are waited for, and once the drain has begun.
readinessProbe:
  grpc:
    port: {{ include "pelletline.port" .component }}
  periodSeconds: 5
  timeoutSeconds: 2
  failureThreshold: 2
# A name of its own: a service that waits for its broker lives, and a restart would not help it.
livenessProbe:
  grpc:
    port: {{ include "pelletline.port" .component }}
    service: liveness
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}

{{/* Where a pod runs, for logs and traces. */}}
{{- define "pelletline.env" -}}
- name: K8S_POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: K8S_POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
- name: K8S_NAMESPACE_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: K8S_NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
- name: K8S_CONTAINER_NAME
  value: {{ .component }}
- name: K8S_DEPLOYMENT_NAME
  value: {{ include "pelletline.componentName" . }}
{{- with .root.Values.telemetry.clusterName }}
- name: K8S_CLUSTER_NAME
  value: {{ . | quote }}
{{- end }}
{{- with .values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "pelletline.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.security.userId | int64 }}
runAsGroup: {{ .Values.security.userId | int64 }}
fsGroup: {{ .Values.security.userId | int64 }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "pelletline.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
