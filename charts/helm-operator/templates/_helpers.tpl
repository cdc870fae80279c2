{{- define "helm-operator.fullname" -}}
{{- if contains "helm-operator" .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-helm-operator" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "helm-operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "helm-operator.fullname" .) -}}
{{- end -}}

{{- define "helm-operator.labels" -}}
app.kubernetes.io/name: helm-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "helm-operator.selector" -}}
app: helm-operator
release: {{ .Release.Name }}
{{- end -}}

{{/* Values this chart has no use for, one "- name" line each. */}}
{{- define "helm-operator.unknownValues" -}}
{{- $known := dict
  "image" (list "repository" "tag" "pullPolicy")
  "helm" (list "versions")
  "git" (list "pollInterval" "timeout" "defaultRef" "ssh")
  "configureRepositories" (list "enable" "repositories")
  "rbac" (list "create")
  "serviceAccount" (list "create" "name")
-}}
{{- $free := list "global" "chartsSyncInterval" "workers" "logReleaseDiffs" "updateChartDeps" "strictThreeWay" "allowNamespace" "replicaCount" "additionalArgs" "resources" "nodeSelector" "tolerations" "affinity" "annotations" "podLabels" -}}
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
