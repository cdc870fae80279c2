{{- define "istio.tag" -}}
{{ .Values.tag | default .Chart.AppVersion }}
{{- end -}}
