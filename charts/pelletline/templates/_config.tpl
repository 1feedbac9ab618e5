{{/*
What the chart decides in a service's configuration, and the values' own keys beside it; the keys that the chart decides are
refused in values by the schema. Takes a dict: root, component, values, and own (the service's further keys).
*/}}
{{- define "pelletline.config" -}}
{{- $config := deepCopy (.values.config | default dict) -}}
{{- $config = mergeOverwrite $config .own -}}
{{- $_ := set $config "logLevel" (.values.logLevel | default .root.Values.logLevel) -}}
{{- $_ := set $config "drainTimeoutMs" (.values.drainTimeoutMs | int64) -}}
{{- toYaml $config -}}
{{- end -}}

{{/* `HOST:PORT` to listen on. Takes a dict: root, port. */}}
{{- define "pelletline.listen" -}}
{{- printf "%s:%s" .root.Values.listenHost .port -}}
{{- end -}}

{{/* Keys that every service with a server shares. Takes a dict: root, component. */}}
{{- define "pelletline.serverConfig" -}}
plant: {{ .root.Values.plant | quote }}
listen: {{ include "pelletline.listen" (dict "root" .root "port" (include "pelletline.port" .component)) | quote }}
{{- with .root.Values.telemetry }}
{{- if or .otlpEndpoint .metrics.enabled .options }}
telemetry:
  {{- with .otlpEndpoint }}
  otlpEndpoint: {{ . | quote }}
  {{- end }}
  {{- if .metrics.enabled }}
  prometheusListen: {{ include "pelletline.listen" (dict "root" $.root "port" (include "pelletline.metricsPort" .)) | quote }}
  {{- end }}
  {{- range $key, $value := .options }}
  {{ $key }}: {{ toJson $value }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* `bus:` of a configuration: Kafka, its secrets as files. */}}
{{- define "pelletline.busConfig" -}}
{{- with .Values.kafka -}}
kind: kafka
brokers: {{ toYaml .brokers | nindent 2 }}
{{- with .client }}
client: {{ . }}
{{- end }}
{{- if .tls.enabled }}
{{- if .tls.caSecret.name }}
tls:
  caFile: /etc/pelletline/secrets/kafka-ca.crt
{{- else }}
tls: {}
{{- end }}
{{- end }}
{{- if .sasl.enabled }}
sasl:
  mechanism: {{ .sasl.mechanism }}
  username: {{ .sasl.username | quote }}
  passwordFile: /etc/pelletline/secrets/kafka-password
{{- end }}
{{- range $key, $value := .options }}
{{ $key }}: {{ toJson $value }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* `database:` of a configuration: PostgreSQL, its secrets as files. */}}
{{- define "pelletline.databaseConfig" -}}
{{- with .Values.database -}}
kind: postgres
address: {{ .address | quote }}
database: {{ .name | quote }}
user: {{ .user | quote }}
{{- if .passwordSecret.name }}
passwordFile: /etc/pelletline/secrets/database-password
{{- end }}
{{- if .tls.enabled }}
{{- if .tls.caSecret.name }}
tls:
  caFile: /etc/pelletline/secrets/database-ca.crt
{{- else }}
tls: {}
{{- end }}
{{- end }}
connections: {{ .connections | int64 }}
{{- end -}}
{{- end -}}

{{/* Folder of the models in a pod. */}}
{{- define "pelletline.modelsDir" -}}
{{- $models := .Values.models -}}
{{- ternary "/models" (trimSuffix "/" $models.directory) (not (empty $models.existingClaim)) -}}
{{- end -}}

{{/* Bucket of models in a configuration, its secrets as files; empty where there is none. */}}
{{- define "pelletline.modelBucket" -}}
{{- with .Values.models.s3 -}}
{{- if .bucket -}}
bucket: {{ .bucket | quote }}
{{- with .prefix }}
prefix: {{ . | quote }}
{{- end }}
{{- with .endpoint }}
endpoint: {{ . | quote }}
{{- end }}
region: {{ .region | quote }}
{{- if .accessKeyId }}
accessKeyId: {{ .accessKeyId | quote }}
secretAccessKeyFile: /etc/pelletline/secrets/models-secret-key
{{- end }}
{{- if .caSecret.name }}
tls:
  caFile: /etc/pelletline/secrets/models-ca.crt
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* Path of a model in a pod. Takes a dict: root, model. */}}
{{- define "pelletline.modelPath" -}}
{{- printf "%s/%s.onnx" (include "pelletline.modelsDir" .root) .model -}}
{{- end -}}

{{/* Sources of the projected volume of secrets. Takes a dict: root, kafka, database and bucket (whether the component uses them). */}}
{{- define "pelletline.secretSources" -}}
{{- $kafka := .root.Values.kafka -}}
{{- $database := .root.Values.database -}}
{{- $bucket := .root.Values.models.s3 -}}
{{- if .kafka }}
{{- if $kafka.sasl.enabled }}
- secret:
    name: {{ $kafka.sasl.passwordSecret.name }}
    items:
      - key: {{ $kafka.sasl.passwordSecret.key }}
        path: kafka-password
{{- end }}
{{- if and $kafka.tls.enabled $kafka.tls.caSecret.name }}
- secret:
    name: {{ $kafka.tls.caSecret.name }}
    items:
      - key: {{ $kafka.tls.caSecret.key }}
        path: kafka-ca.crt
{{- end }}
{{- end }}
{{- if .database }}
{{- if $database.passwordSecret.name }}
- secret:
    name: {{ $database.passwordSecret.name }}
    items:
      - key: {{ $database.passwordSecret.key }}
        path: database-password
{{- end }}
{{- if and $database.tls.enabled $database.tls.caSecret.name }}
- secret:
    name: {{ $database.tls.caSecret.name }}
    items:
      - key: {{ $database.tls.caSecret.key }}
        path: database-ca.crt
{{- end }}
{{- end }}
{{- if and .bucket $bucket.bucket }}
{{- if $bucket.accessKeyId }}
- secret:
    name: {{ $bucket.secretKeySecret.name }}
    items:
      - key: {{ $bucket.secretKeySecret.key }}
        path: models-secret-key
{{- end }}
{{- if $bucket.caSecret.name }}
- secret:
    name: {{ $bucket.caSecret.name }}
    items:
      - key: {{ $bucket.caSecret.key }}
        path: models-ca.crt
{{- end }}
{{- end }}
{{- end -}}
