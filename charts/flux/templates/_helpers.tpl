{{- define "flux.fullname" -}}
{{- if contains "flux" .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-flux" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "flux.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "flux.fullname" .) -}}
{{- end -}}

{{- define "flux.labels" -}}
app.kubernetes.io/name: flux
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "flux.selector" -}}
app: flux
release: {{ .Release.Name }}
{{- end -}}

{{/* Values this chart has no use for, one "- name" line each. */}}
{{- define "flux.unknownValues" -}}
{{- $known := dict
  "image" (list "repository" "tag" "pullPolicy")
  "git" (list "url" "branch" "path" "user" "email" "pollInterval" "timeout" "ciSkip" "ciSkipMessage" "label" "readonly" "secretName")
  "sync" (list "interval")
  "syncGarbageCollection" (list "enabled" "dry")
  "registry" (list "automationInterval" "pollInterval" "disableScanning")
  "ssh" (list "known_hosts")
  "webhook" (list "secretName")
  "service" (list "type" "port")
  "rbac" (list "create")
  "serviceAccount" (list "create" "name")
-}}
{{- $free := list "global" "replicaCount" "additionalArgs" "resources" "nodeSelector" "tolerations" "affinity" "annotations" "podLabels" -}}
{{- range $section, $value := .Values -}}
{{- if has $section $free -}}
{{- else if not (hasKey $known $section) }}
- {{ $section }}
{{- else if kindIs "map" $value -}}
{{- range $name, $_ := $value -}}
{{- if not (has $name (get $known $section)) }}
- {{ $section }}.{{ $name }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
