{{/* Annotations of what runs before an installation or upgrade. Takes its weight: the lowest comes first. */}}
{{- define "pelletline.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
