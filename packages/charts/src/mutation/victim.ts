/** A small chart with something of everything, for a campaign without public charts. */

import type { Victim } from './campaign.ts';

const files: Readonly<Record<string, string>> = {
  'Chart.yaml':
    'apiVersion: v2\nname: shop\nversion: 1.2.3\nappVersion: "1.0"\nkubeVersion: ">=1.20-0"\ndependencies:\n' +
    '- name: store\n  version: ">=0.1"\n  alias: db\n  condition: db.enabled,global.db\n  tags: [back]\n' +
    '  import-values: [data, {child: port, parent: dbPort}]\n',
  'values.yaml':
    'image: {name: shop, tag: 1.10}\nreplicas: 3\nlabels: &labels\n  team: a\n  "on": yes\nmore:\n  <<: *labels\n' +
    'text: |\n  a\n  b\ndb: {enabled: true, size: 1e3}\nglobal: {zone: x}\ntemplate: "{{ .Release.Name }}-{{ .Values.replicas }}"\n',
  'values.schema.json':
    '{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"replicas":{"type":"integer",' +
    '"minimum":0},"image":{"$ref":"#/definitions/image"}},"definitions":{"image":{"required":["name"]}}}',
  '.helmignore': '*.bak\n/ci/\n',
  'files/a.conf': 'a=1\nb=2\n',
  'crds/c.yaml':
    'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: c.example.com}\n',
  'templates/_helpers.tpl':
    '{{- define "shop.name" -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}{{- end }}\n' +
    '{{- define "shop.labels" -}}\n{{- range $key, $value := .Values.labels }}\n{{ $key }}: {{ $value | quote }}\n{{- end }}\n{{- end }}\n',
  'templates/deployment.yaml':
    'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ include "shop.name" . }}\n  labels:\n' +
    '    {{- include "shop.labels" . | nindent 4 }}\nspec:\n  replicas: {{ .Values.replicas | int }}\n  template:\n    spec:\n' +
    '      containers:\n      - name: shop\n        image: "{{ .Values.image.name }}:{{ .Values.image.tag | default .Chart.AppVersion }}"\n' +
    '        env:\n        {{- with .Values.more }}\n        {{- range $i, $name := keys . | sortAlpha }}\n        - {name: {{ $name }}, value: "{{ $i }}"}\n' +
    '        {{- else }}\n        []\n        {{- end }}\n        {{- end }}\n',
  'templates/config.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ tpl .Values.template . }}\n  annotations:\n    "helm.sh/hook": pre-install\n' +
    '    "helm.sh/hook-weight": "{{ add 1 2 }}"\ndata:\n{{ (.Files.Glob "files/*").AsConfig | indent 2 }}\n  sum: {{ toYaml .Values | sha256sum }}\n' +
    '  values: |\n    {{- toYaml (omit .Values "global") | nindent 4 }}\n  text: {{ .Values.text | toJson }}\n' +
    '{{- if and (semverCompare ">=1.20-0" .Capabilities.KubeVersion.Version) (regexMatch "^[a-z]+$" .Values.image.name) }}\n' +
    '  ok: {{ ternary "yes" "no" (gt (len .Values.labels) 1) | quote }}\n{{- else if eq 1 2 }}\n  no: 1\n{{- end }}\n',
  'templates/NOTES.txt': 'Installed {{ .Release.Name }} at {{ now | date "2006" }}.\n',
  'charts/store/Chart.yaml': 'apiVersion: v2\nname: store\nversion: 0.2.0\n',
  'charts/store/values.yaml': 'port: 5432\nsize: 1\nexports:\n  data: {user: me}\n',
  'charts/store/templates/s.yaml':
    'apiVersion: v1\nkind: Service\nmetadata: {name: store}\nspec: {ports: [{port: {{ .Values.port }}}]}\n',
};

export const smallVictim: Victim = { label: 'a small chart', draft: new Map(Object.entries(files)) };
