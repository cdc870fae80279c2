/** The repository whose commits are planned: a release of a chart of its own, a canary on it, and a plain manifest. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { image } from '../web.mjs';

export const namespace = 'fleet';

const release = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: shop
  namespace: ${namespace}
spec:
  interval: 1h
  releaseName: shop
  chart:
    spec:
      chart: ./charts/shop
      reconcileStrategy: Revision
      sourceRef:
        kind: GitRepository
        name: flux-system
        namespace: flux-system
  values:
    message: one
`;

const template = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  selector:
    matchLabels:
      app: {{ .Release.Name }}
  template:
    metadata:
      labels:
        app: {{ .Release.Name }}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: ${image}
          env:
            - name: MESSAGE
              value: {{ .Values.message | quote }}
            - name: DELAY_SECONDS
              value: "0"
          ports:
            - name: http
              containerPort: 8080
          readinessProbe:
            tcpSocket:
              port: 8080
            periodSeconds: 1
`;

const canary = `apiVersion: flagger.app/v1beta1
kind: Canary
metadata:
  name: shop
  namespace: ${namespace}
spec:
  provider: istio
  targetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: shop
  service:
    port: 80
    targetPort: 8080
  analysis:
    interval: 10s
    threshold: 3
    maxWeight: 50
    stepWeight: 10
    metrics:
      - name: request-success-rate
        thresholdRange:
          min: 99
        interval: 30s
`;

export const files = {
  'clusters/test/apps.yaml': `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: apps
  namespace: flux-system
spec:
  interval: 1h
  path: ./apps
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
`,
  'apps/kustomization.yaml': 'resources:\n  - settings.yaml\n  - release.yaml\n  - canary.yaml\n',
  'apps/settings.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: ${namespace}\ndata:\n  colour: blue\n`,
  'apps/release.yaml': release,
  'apps/canary.yaml': canary,
  'charts/shop/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 0.1.0\n',
  'charts/shop/values.yaml': 'message: none\n',
  'charts/shop/templates/deployment.yaml': template,
};

/** As `flux bootstrap` leaves it: the source, and the Kustomization that applies the rest. */
export function bootstrap({ name = 'flux-system', url, path }) {
  const metadata = { name, namespace: 'flux-system' };
  return [
    {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata,
      spec: { interval: '1m', url, ref: { branch: 'main' } },
    },
    {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata,
      spec: { interval: '1h', path, prune: true, sourceRef: { kind: 'GitRepository', name } },
    },
  ];
}

/** Writes files below a folder; a text per path. */
export function writeFiles(folder, texts) {
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Makes a clone with these files and pushes it to the Git server of the running Towpath; its folder and URL. */
export async function pushNew(walk, name, texts) {
  const cwd = join(walk.work, name);
  const url = `${walk.git}/acme/${name}.git`;
  writeFiles(cwd, texts);
  await walk.must('git', ['init', '-q', '-b', 'main', cwd]);
  for (const [key, value] of [
    ['user.name', 'Ann'],
    ['user.email', 'ann@example.com'],
  ])
    await walk.must('git', ['config', key, value], { cwd });
  await walk.must('git', ['remote', 'add', 'origin', url], { cwd });
  await pushAll(walk, cwd, 'Begin');
  return { cwd, url };
}

/** Commits everything and pushes it. */
export async function pushAll(walk, cwd, message) {
  await walk.must('git', ['add', '-A'], { cwd });
  await walk.must('git', ['commit', '-q', '-m', message], { cwd });
  await walk.must('git', ['push', '-q', '-u', 'origin', 'main'], { cwd });
}
