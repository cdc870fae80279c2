/** A chart written in a program: what it uses must be the same in Node and in a browser. */

import { filesFromTexts, type ChartFiles } from 'towpath/charts';

export const files: ChartFiles = filesFromTexts({
  'Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.2.3\nappVersion: "4.5"\n',
  'values.yaml': 'replicas: 2\nimage: { repository: acme/shop, tag: v1 }\nlimits: { cpu: 500m, memory: 64Mi }\n',
  'values.schema.json': '{"type":"object","properties":{"replicas":{"type":"integer","minimum":1}}}',
  'templates/_helpers.tpl': `{{- define "shop.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}`,
  'templates/deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-shop
  labels:
    {{- include "shop.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels:
      {{- include "shop.labels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "shop.labels" . | nindent 8 }}
    spec:
      containers:
        - name: shop
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          resources:
            limits: {{- toYaml .Values.limits | nindent 14 }}
`,
  'templates/NOTES.txt': 'Visit {{ .Release.Name }} in {{ .Release.Namespace }}.\n',
});

/** Every function that computes with keys, ciphers, hashes or time. */
export const secrets: ChartFiles = filesFromTexts({
  'Chart.yaml': 'apiVersion: v2\nname: secrets\nversion: 1.0.0\n',
  'templates/secret.yaml': `apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
  annotations:
    at: {{ now | date "2006-01-02T15:04:05Z07:00" }}
    zone: {{ dateInZone "15:04 MST" now "Asia/Tokyo" }}
    sums: {{ sha1sum "a" }} {{ sha256sum "a" }} {{ sha512sum "a" | trunc 16 }} {{ adler32sum "a" }}
    words: {{ regexReplaceAll "(\\\\w+)@(\\\\w+)" "a@b c@d" "$2-$1" }} {{ semver "1.2.3-rc.1+b" | toString }}
    same: {{ encryptAES "key" "text" | decryptAES "key" }}
data:
  password: {{ randAlphaNum 16 | b64enc }}
  bytes: {{ randBytes 24 }}
  uuid: {{ uuidv4 | b64enc }}
  derived: {{ derivePassword 1 "long" "password" "user" "example.com" | b64enc }}
  cipher: {{ encryptAES "key" "text" | b64enc }}
  htpasswd: {{ htpasswd "user" "password" | b64enc }}
{{- $authority := genCA "authority" 365 }}
{{- $signed := genSignedCert "shop" (list "10.0.0.1" "::1") (list "shop.local") 30 $authority }}
  ca.crt: {{ $authority.Cert | b64enc }}
  tls.crt: {{ $signed.Cert | b64enc }}
  tls.key: {{ $signed.Key | b64enc }}
{{- range $kind := list "ecdsa" "ed25519" }}
{{- $own := genSelfSignedCertWithKey $kind nil (list "shop.local") 30 (genPrivateKey $kind) }}
  {{ $kind }}.crt: {{ $own.Cert | b64enc }}
  {{ $kind }}.key: {{ $own.Key | b64enc }}
{{- end }}
`,
});
