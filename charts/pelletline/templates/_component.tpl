{{/*
Everything that one service of the plant consists of. Takes a dict:
  root, component, line (where it exists once per line), values (its part of the values)
  config       its configuration as YAML
  single       true: at most one pod at any time
  server       false: it takes no calls, so it has neither ports nor probes
  rest         true: it also offers the REST half of the Open Inference Protocol
  kafka, database   whether it uses them, and so gets their secrets
  models       true: the volume of models is mounted where there is one
  bucket       true: it reads the bucket of models where there is one, and so gets its secrets
  calibrations list of camera, configMap, key
  callers      who may call it beside the release's own pods: others, a list of NetworkPolicy peers; anyone where it is not given
*/}}
{{- define "pelletline.component" -}}
---
{{ include "pelletline.serviceAccount" . }}
---
{{ include "pelletline.configMap" . }}
---
{{ include "pelletline.deployment" . }}
{{- if .server }}
---
{{ include "pelletline.service" . }}
---
{{ include "pelletline.disruptionBudget" . }}
{{- end }}
{{- if .root.Values.networkPolicy.enabled }}
---
{{ include "pelletline.networkPolicy" . }}
{{- end }}
{{- end -}}

{{/* An account of its own for each component, so that rights can be given to one alone; it needs none, hence no token. */}}
{{- define "pelletline.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "pelletline.componentName" . }}
  labels: {{- include "pelletline.labels" . | nindent 4 }}
  {{- with .root.Values.serviceAccount.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{- define "pelletline.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "pelletline.componentName" . }}
  labels: {{- include "pelletline.labels" . | nindent 4 }}
data:
  {{ .component }}.yaml: | {{- .config | nindent 4 }}
{{- end -}}

{{- define "pelletline.deployment" -}}
{{- $values := .values -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "pelletline.componentName" . }}
  labels: {{- include "pelletline.labels" . | nindent 4 }}
spec:
  {{- if .single }}
  replicas: 1
  # Two at once would share what only one may own; the old pod drains before the new one starts.
  strategy:
    type: Recreate
  {{- else }}
  {{- if not (kindIs "invalid" $values.replicas) }}
  replicas: {{ $values.replicas | int64 }}
  {{- end }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels: {{- include "pelletline.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "pelletline.podLabels" . | nindent 8 }}
      annotations:
        checksum/config: {{ .config | sha256sum }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec: {{- include "pelletline.podSpec" . | nindent 6 }}
{{- end -}}

{{- define "pelletline.service" -}}
{{- $service := .values.service -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "pelletline.componentName" . }}
  labels: {{- include "pelletline.labels" . | nindent 4 }}
  {{- with $service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $service.type }}
  selector: {{- include "pelletline.selectorLabels" . | nindent 4 }}
  ports:
    - name: grpc
      port: {{ include "pelletline.port" .component }}
      targetPort: grpc
      protocol: TCP
      appProtocol: kubernetes.io/h2c
    {{- if .rest }}
    - name: http-rest
      port: {{ include "pelletline.restPort" . }}
      targetPort: http-rest
      protocol: TCP
      appProtocol: http
    {{- end }}
{{- end -}}

{{/* Drains of nodes take pods one by one. */}}
{{- define "pelletline.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "pelletline.componentName" . }}
  labels: {{- include "pelletline.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .values.maxUnavailable | int64 }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "pelletline.selectorLabels" . | nindent 6 }}
{{- end -}}

{{/* Who may call the component; kubelet's probes come from the node, which a policy cannot shut out. */}}
{{- define "pelletline.networkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "pelletline.componentName" . }}
  labels: {{- include "pelletline.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: {{- include "pelletline.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress]
  {{- if .server }}
  ingress:
    - ports:
        - port: grpc
          protocol: TCP
        {{- if .rest }}
        - port: http-rest
          protocol: TCP
        {{- end }}
      {{- if .callers }}
      from:
        - podSelector:
            matchLabels:
              app.kubernetes.io/name: {{ include "pelletline.name" .root }}
              app.kubernetes.io/instance: {{ .root.Release.Name }}
        {{- with .callers.others }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
    {{- if .root.Values.telemetry.metrics.enabled }}
    - ports:
        - port: metrics
          protocol: TCP
      {{- with .root.Values.networkPolicy.monitoring }}
      from: {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
  {{- else }}
  ingress: []
  {{- end }}
{{- end -}}
