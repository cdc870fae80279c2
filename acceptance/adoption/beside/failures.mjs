/** What is broken on purpose, as objects of Flux 2 and Flagger, and what `towpath explain` has to say of each. */

import { image } from '../web.mjs';

/** Where the broken things of Flux are. */
export const namespace = 'broken';
const source = { kind: 'GitRepository', name: 'failures' };

const gitRepository = (name, url, more = {}) => ({
  apiVersion: 'source.toolkit.fluxcd.io/v1',
  kind: 'GitRepository',
  metadata: { name, namespace },
  spec: { interval: '1m', timeout: '20s', url, ref: { branch: 'main' }, ...more },
});

const kustomization = (name, more = {}) => ({
  apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
  kind: 'Kustomization',
  metadata: { name, namespace },
  spec: { interval: '1h', retryInterval: '15s', path: `./${name}`, prune: true, sourceRef: source, ...more },
});

const helmRelease = (name, chart, values = {}, sourceRef = source) => ({
  apiVersion: 'helm.toolkit.fluxcd.io/v2',
  kind: 'HelmRelease',
  metadata: { name, namespace },
  spec: { interval: '1h', releaseName: name, chart: { spec: { chart, sourceRef } }, values },
});

/** A Deployment of one container. */
function workload(name, container, labels = { app: name }) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels: { app: name, ...labels } },
        spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'server', image, ...container }] },
      },
    },
  };
}

const waited = { wait: true, timeout: '20s' };
const configMap = (name) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`;
const chart = (name) => `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`;

/** The repository that Flux reads. */
export const files = {
  'no-yaml/settings.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: no-yaml\n  namespace: ${namespace}\n  labels: [\n`,
  'invalid/deployment.yaml': JSON.stringify(workload('invalid', { ports: [{ containerPort: 99_999 }] })),
  'unknown-kind/thing.yaml': `apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: one\n  namespace: ${namespace}\n`,
  'ghost/deployment.yaml': JSON.stringify(workload('ghost', { image: 'acme/ghost:v9' })),
  'crasher/deployment.yaml': JSON.stringify(
    workload('crasher', { command: ['node', '-e', "console.error('Error: DB_URL is not set'); process.exit(3)"] }),
  ),
  'unready/deployment.yaml': JSON.stringify(
    workload('unready', { readinessProbe: { httpGet: { path: '/ready', port: 9999 }, periodSeconds: 1 } }),
  ),
  'fixed/deployment.yaml': JSON.stringify(workload('fixed', {})),
  'charts/failing/Chart.yaml': chart('failing'),
  'charts/failing/templates/configmap.yaml': `${configMap('failing')}data:\n  name: {{ required "name is needed" .Values.name }}\n`,
  'charts/strict/Chart.yaml': chart('strict'),
  'charts/strict/values.schema.json': '{"type": "object", "properties": {"replicas": {"type": "integer"}}}',
  'charts/strict/templates/configmap.yaml': configMap('strict'),
  'charts/owner/Chart.yaml': chart('owner'),
  'charts/owner/templates/configmap.yaml': configMap('shared'),
  'charts/selected/Chart.yaml': chart('selected'),
  'charts/selected/values.yaml': 'tier: one\n',
  'charts/selected/templates/deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: 0
  selector:
    matchLabels: &labels
      tier: {{ .Values.tier }}
  template:
    metadata:
      labels: *labels
    spec:
      containers:
        - name: server
          image: ${image}
`,
};

/** The commit after it: a selector changes. */
export const secondFiles = {
  'fixed/deployment.yaml': JSON.stringify(workload('fixed', {}, { app: 'fixed', tier: 'two' })),
};

/** What is applied at once; `later` follows when those it builds on are there. */
export function brokenObjects({ git, refuser, charts }) {
  return [
    gitRepository('failures', git),
    gitRepository('refused', `${refuser}/acme/shop.git`),
    gitRepository('no-branch', git, { ref: { branch: 'nowhere' } }),
    {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'HelmRepository',
      metadata: { name: 'charts', namespace },
      spec: { interval: '1h', url: charts },
    },
    kustomization('refused', { sourceRef: { kind: 'GitRepository', name: 'refused' }, path: './' }),
    kustomization('nowhere'),
    ...['no-yaml', 'invalid', 'unknown-kind', 'fixed'].map((name) => kustomization(name)),
    ...['ghost', 'crasher', 'unready'].map((name) => kustomization(name, waited)),
    helmRelease('no-chart', 'nothere', {}, { kind: 'HelmRepository', name: 'charts' }),
    helmRelease('no-chart-path', './charts/nothere'),
    helmRelease('failing', './charts/failing'),
    helmRelease('strict', './charts/strict', { replicas: 'two' }),
    helmRelease('owner', './charts/owner'),
    helmRelease('selected', './charts/selected'),
  ];
}

const twin = helmRelease('twin', './charts/owner');

export const laterObjects = [
  // Without it the helm-controller takes what belongs to another release, as Flux does since 2.7.
  { ...twin, spec: { ...twin.spec, install: { disableTakeOwnership: true } } },
  helmRelease('selected', './charts/selected', { tier: 'two' }),
];

/** `target` is explained; `says` is the first sentence, `proof` a word of its evidence as the real controllers write it. */
export const failures = [
  {
    name: 'Git authentication',
    target: 'gitrepository/refused',
    cause: 'git-authentication',
    says: /refuses the credentials/,
    proof: /authentication|authorization/i,
  },
  {
    name: 'Git authentication, seen from the Kustomization',
    target: 'kustomization/refused',
    cause: 'git-authentication',
    says: /^GitRepository broken\/refused/,
    proof: /authentication|authorization/i,
  },
  {
    name: 'branch missing',
    target: 'gitrepository/no-branch',
    cause: 'git-branch-missing',
    says: /branch, tag or commit is not in the repository/,
    proof: /nowhere/,
  },
  { name: 'path missing', target: 'kustomization/nowhere', cause: 'path-missing', says: /path/, proof: /nowhere/ },
  {
    name: 'manifest that is no YAML',
    target: 'kustomization/no-yaml',
    cause: 'manifest-invalid',
    says: /manifest is not valid/,
    proof: /settings\.yaml/,
  },
  {
    name: 'manifest that the API server refuses',
    target: 'kustomization/invalid',
    cause: 'manifest-invalid',
    says: /manifest is not valid/,
    proof: /containerPort/,
  },
  {
    name: 'kind that is not there',
    target: 'kustomization/unknown-kind',
    cause: 'kind-missing',
    says: /does not know a kind/,
    proof: /Thing/,
  },
  {
    name: 'immutable field (Kustomization)',
    target: 'kustomization/fixed',
    cause: 'immutable-field',
    says: /never be changed/,
    proof: /immutable/,
  },
  {
    name: 'chart missing (HelmRepository)',
    target: 'helmrelease/no-chart',
    cause: 'chart-missing',
    says: /chart cannot be found/,
    proof: /no chart name found/,
  },
  {
    name: 'chart missing (path in Git)',
    target: 'helmrelease/no-chart-path',
    cause: 'chart-missing',
    says: /chart cannot be found/,
    proof: /nothere/,
  },
  {
    name: 'chart render error',
    target: 'helmrelease/failing',
    cause: 'render-error',
    says: /failing\/templates\/configmap\.yaml:6/,
    proof: /name is needed/,
  },
  {
    name: 'values schema',
    target: 'helmrelease/strict',
    cause: 'values-schema',
    says: /chart's schema/,
    proof: /replicas/,
  },
  {
    name: 'immutable field (HelmRelease)',
    target: 'helmrelease/selected',
    cause: 'immutable-field',
    says: /never be changed/,
    proof: /immutable/,
  },
  {
    name: 'ownership conflict',
    target: 'helmrelease/twin',
    cause: 'ownership-conflict',
    says: /belongs to somebody else/,
    proof: /owner/,
  },
  {
    name: 'image pull',
    target: 'kustomization/ghost',
    cause: 'image-pull',
    says: /image acme\/ghost:v9 of container server cannot be pulled/,
    proof: /ImagePull/,
  },
  {
    name: 'crash loop',
    target: 'kustomization/crasher',
    cause: 'crash-loop',
    says: /exit code 3 again and again/,
    proof: /DB_URL is not set/,
  },
  {
    name: 'readiness never true',
    target: 'kustomization/unready',
    cause: 'readiness',
    says: /readiness probe never succeeds/,
    proof: /Readiness probe failed/,
  },
];
