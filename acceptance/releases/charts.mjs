/** The chart of the comparison, a repository that serves it, and its objects. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCharts } from '../adoption/servers.mjs';
import { must } from './place.mjs';

const files = (version) => ({
  'Chart.yaml': `apiVersion: v2\nname: demo\nversion: ${version}\nappVersion: "${version}-app"\ndescription: A <small> chart & its objects\n`,
  'values.yaml': 'replicas: 0\nmessage: hello\ntestFate: Succeeded\nlist: [a, b]\nport: 80\nbreak: ""\nextra: {}\n',
  'templates/config.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  labels:\n    app: {{ .Release.Name }}\ndata:\n  message: {{ .Values.message | quote }}\n  version: {{ .Chart.Version }}\n  revision: "{{ .Release.Revision }}"\n  values: |\n{{ toYaml .Values | indent 4 }}\n',
  'templates/account.yaml': 'apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {{ .Release.Name }}\n',
  'templates/service.yaml':
    'apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  selector: {app: {{ .Release.Name }}}\n  ports:\n    - port: {{ .Values.port }}\n      name: http\n',
  'templates/deployment.yaml':
    'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: {{ .Values.replicas }}\n  selector:\n    matchLabels: {app: {{ .Release.Name }}}\n  template:\n    metadata:\n      labels: {app: {{ .Release.Name }}}\n    spec:\n      serviceAccountName: {{ .Release.Name }}\n      containers:\n        - name: main\n          image: "acme/demo:{{ .Chart.AppVersion }}"\n          ports:\n            - containerPort: 8080\n',
  'templates/ingress.yaml':
    'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  rules:\n    - host: {{ .Release.Name }}.example.com\n      http:\n        paths:\n          - path: /\n            pathType: Prefix\n            backend:\n              service:\n                name: {{ .Release.Name }}\n                port:\n                  name: http\n',
  'templates/break.yaml': '{{- if .Values.break }}{{ fail .Values.break }}{{ end }}\n',
  'templates/hook.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-hook\n  annotations:\n    helm.sh/hook: post-install,post-upgrade\ndata: {message: {{ .Values.message | quote }}}\n',
  'templates/test.yaml':
    'apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}-test\n  labels:\n    fate: {{ .Values.testFate }}\n  annotations:\n    helm.sh/hook: test\nspec:\n  restartPolicy: Never\n  nodeName: nowhere\n  containers:\n    - name: test\n      image: acme/test:1\n',
  'templates/NOTES.txt': 'Installed {{ .Release.Name }}.\n',
});

/** Packages versions of `demo` and serves them over HTTP; `archives` are their files by version. */
export async function startDemoCharts(place, demoVersions) {
  const charts = await startCharts();
  place.ends.push(() => charts.dispose());
  const archives = {};
  for (const version of demoVersions) {
    const folder = join(place.work, `chart-${version}`, 'demo');
    for (const [name, text] of Object.entries(files(version))) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    must(place.tools.helm3, ['package', folder, '-d', place.work]);
    const file = join(place.work, `demo-${version}.tgz`);
    charts.add({ name: 'demo', version, file });
    archives[version] = file;
  }
  return { url: charts.url, archives, bytes: (version) => readFileSync(archives[version]) };
}

const source = 'source.toolkit.fluxcd.io/v1';

export function helmRepository(namespace, url) {
  return {
    apiVersion: source,
    kind: 'HelmRepository',
    metadata: { namespace, name: 'charts' },
    spec: { url, interval: '1h' },
  };
}

export function ociRepository(namespace, url, tag) {
  const spec = { url, interval: '1h', insecure: true, ref: { tag } };
  return { apiVersion: source, kind: 'OCIRepository', metadata: { namespace, name: 'demo' }, spec };
}

export function helmRelease(namespace, name, spec = {}, { version = '1.0.0', annotations } = {}) {
  const chart = { spec: { chart: 'demo', version, sourceRef: { kind: 'HelmRepository', name: 'charts' } } };
  return {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { namespace, name, ...(annotations !== undefined && { annotations }) },
    spec: { interval: '1h', ...(spec.chartRef === undefined && { chart }), ...spec },
  };
}
