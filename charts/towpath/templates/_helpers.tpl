{{/* Where each component listens, what it is asked by probes, and whether it applies what others wrote. */}}
{{- define "towpath.components" -}}
flux:
  ports: {http: 3030}
  probe: {port: 3030, path: /healthz}
  applies: true
helm-operator:
  ports: {http: 3030}
  probe: {port: 3030, path: /healthz}
  metrics: http
  applies: true
  shards: true
flagger:
  ports: {http: 8080}
  probe: {port: 8080, path: /healthz}
  metrics: http
  shards: true
source-controller:
  ports: {http: 9090, healthz: 9440}
  servicePorts: {http: 80}
  # The name is part of the URLs of artifacts.
  service: source-controller
  probe: {port: 9440, path: /healthz}
  readiness: {port: 9090, path: /}
  shards: true
notification-controller:
  ports: {http-webhook: 9292, healthz: 9440, ready: 9441}
  servicePorts: {http-webhook: 80}
  # The name that Flux gives it: ingresses point there.
  service: webhook-receiver
  probe: {port: 9440, path: /healthz}
  # The leader alone has the webhooks.
  readiness: {port: 9441, path: /readyz}
  shards: true
kustomize-controller:
  ports: {healthz: 9440}
  probe: {port: 9440, path: /healthz}
  applies: true
  shards: true
helm-controller:
  ports: {healthz: 9440}
  probe: {port: 9440, path: /healthz}
  applies: true
  shards: true
image-reflector-controller:
  ports: {healthz: 9440}
  probe: {port: 9440, path: /healthz}
  shards: true
image-automation-controller:
  ports: {healthz: 9440}
  probe: {port: 9440, path: /healthz}
  shards: true
{{- end -}}

{{- define "towpath.name" -}}
{{- printf "%s-%s" .root.Release.Name .name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "towpath.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end -}}

{{- define "towpath.labels" -}}
{{ include "towpath.selector" . }}
app.kubernetes.io/part-of: towpath
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* The flags of a component, one "- flag" line each. */}}
{{- define "towpath.args" -}}
{{- $values := .root.Values -}}
{{- $own := .own -}}
{{- if eq .name "helm-operator" }}
- --git-ssh-secret={{ $own.sshSecretName }}
{{- else if eq .name "flagger" }}
- -mesh-provider={{ $own.meshProvider }}
- -metrics-server={{ $own.metricsServer }}
{{- else if eq .name "flux" }}
- --git-url={{ required "set components.flux.git.url to the repository to synchronise" $own.git.url }}
- --git-branch={{ $own.git.branch }}
{{- with $own.git.path }}
- --git-path={{ . }}
{{- end }}
- --k8s-secret-name={{ $own.git.secretName }}
- --git-ci-skip={{ $own.git.ciSkip }}
- --sync-garbage-collection={{ $own.garbageCollection }}
{{- end }}
{{- if .facts.shards }}
{{- if and $values.sharding.key $values.sharding.main }}
{{- fail "sharding: a release looks after one share: set either key or main" }}
{{- else if $values.sharding.key }}
- --watch-label-selector=sharding.fluxcd.io/key={{ $values.sharding.key }}
{{- else if $values.sharding.main }}
- --watch-label-selector=!sharding.fluxcd.io/key
{{- end }}
{{- end }}
{{- if include "towpath.elects" . }}
- --enable-leader-election
- --leader-election-lease-duration={{ $values.leaderElection.leaseDuration }}
- --leader-election-renew-deadline={{ $values.leaderElection.renewDeadline }}
- --leader-election-retry-period={{ $values.leaderElection.retryPeriod }}
{{- end }}
{{- range $own.args }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "towpath.replicas" -}}
{{- if hasKey .own "replicas" }}{{ .own.replicas }}{{ else }}{{ .root.Values.replicaCount }}{{ end -}}
{{- end -}}

{{/* Text when replicas elect a leader, nothing otherwise. */}}
{{- define "towpath.elects" -}}
{{- $enabled := .root.Values.leaderElection.enabled | toString -}}
{{- if or (eq $enabled "true") (and (eq $enabled "auto") (gt (include "towpath.replicas" . | int) 1)) }}yes{{ end -}}
{{- end -}}
