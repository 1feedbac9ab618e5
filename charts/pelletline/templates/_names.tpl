{{/* Name of the chart in labels. */}}
{{- define "pelletline.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Prefix of every object of the release. */}}
{{- define "pelletline.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Name of the objects of one component. Takes a dict: root, component, and line where the component exists once per line.
*/}}
{{- define "pelletline.componentName" -}}
{{- $parts := list (include "pelletline.fullname" .root) .component -}}
{{- if .line -}}
{{- $parts = append $parts (include "pelletline.slug" .line) -}}
{{- end -}}
{{- $name := join "-" $parts -}}
{{- if gt (len $name) 63 -}}
{{- fail (printf "%s is longer than the 63 characters that Kubernetes takes for a Service: shorten the release, fullnameOverride or the line's name" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* A line's name as part of an object's name: lower case, "_" and "." as "-". */}}
{{- define "pelletline.slug" -}}
{{- . | lower | replace "_" "-" | replace "." "-" | trimAll "-" -}}
{{- end -}}

{{/* Refuses lines whose objects would share a name. */}}
{{- define "pelletline.checkLines" -}}
{{- $seen := dict -}}
{{- range .Values.lines -}}
{{- $slug := include "pelletline.slug" .name -}}
{{- if hasKey $seen $slug -}}
{{- fail (printf "lines %q and %q would both be called %q in the cluster: rename one" (get $seen $slug) .name $slug) -}}
{{- end -}}
{{- $_ := set $seen $slug .name -}}
{{- end -}}
{{- end -}}

{{/* Labels by which a component's pods are selected; they never change. Takes a dict as componentName does. */}}
{{- define "pelletline.selectorLabels" -}}
app.kubernetes.io/name: {{ include "pelletline.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- if .line }}
pelletline-line: {{ include "pelletline.slug" .line }}
{{- end }}
{{- end -}}

{{/* All labels of a component's objects. */}}
{{- define "pelletline.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{ include "pelletline.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/part-of: pelletline
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end -}}

{{/* The image, by digest where one is given. */}}
{{- define "pelletline.image" -}}
{{- $image := .Values.image -}}
{{- $repository := $image.repository -}}
{{- if $image.registry -}}
{{- $repository = printf "%s/%s" $image.registry $image.repository -}}
{{- end -}}
{{- $tagged := printf "%s:%s" $repository ($image.tag | default .Chart.AppVersion) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $tagged $image.digest -}}
{{- else -}}
{{- $tagged -}}
{{- end -}}
{{- end -}}

{{/* Port on which a component takes gRPC; the services' own defaults, so that documents hold in and outside a cluster. */}}
{{- define "pelletline.port" -}}
{{- get (dict "camera-gateway" "7401" "roi-segmentation" "7402" "student-inference" "7403" "teacher-audit" "7404" "analytics" "7405") . -}}
{{- end -}}

{{/* Port of the REST half of the Open Inference Protocol. */}}
{{- define "pelletline.restPort" -}}7413{{- end -}}

{{/* Port at which Prometheus reads a component's metrics. */}}
{{- define "pelletline.metricsPort" -}}9464{{- end -}}

{{/* HOST:PORT of a component within the cluster. Takes a dict as componentName does. */}}
{{- define "pelletline.address" -}}
{{- printf "%s:%s" (include "pelletline.componentName" .) (include "pelletline.port" .component) -}}
{{- end -}}
