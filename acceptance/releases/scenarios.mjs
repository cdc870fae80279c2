/** The HelmReleases that both controllers are given, step by step, and when each step has come to its end. */

import { gunzipSync, gzipSync } from 'node:zlib';
import { helmRelease } from './charts.mjs';

const now = () => new Date().toISOString();
const hrPath = (namespace, name) => `/apis/helm.toolkit.fluxcd.io/v2/namespaces/${namespace}/helmreleases/${name}`;

/** A step is done when Ready has this reason (and status) for the newest generation, or the release is stalled so. */
const readyWith =
  (reason, more = () => true) =>
  (object) => {
    const conditions = object?.status?.conditions ?? [];
    const ready = conditions.find(({ type }) => type === 'Ready');
    return (
      ready?.reason === reason && ready.observedGeneration === object.metadata.generation && more(object, conditions)
    );
  };
const observed = (object) => object.status.observedGeneration === object.metadata.generation;
const stalledWith = (reason) => (object) =>
  (object?.status?.conditions ?? []).some(({ type, reason: found }) => type === 'Stalled' && found === reason);
const notReconciling = (_object, conditions) => !conditions.some(({ type }) => type === 'Reconciling');
const settled = (object, conditions) => observed(object) && notReconciling(object, conditions);

const install = (spec, options) => ({
  act: ({ api, namespace, name }) => api.apply(helmRelease(namespace, name, spec, options)),
  until: readyWith('InstallSucceeded', settled),
});
const upgrade = (spec, options) => ({ ...install(spec, options), until: readyWith('UpgradeSucceeded', settled) });

const request =
  (extra = []) =>
  async ({ api, namespace, name }) => {
    const at = now();
    const annotations = Object.fromEntries(
      ['requestedAt', ...extra].map((what) => [`reconcile.fluxcd.io/${what}`, at]),
    );
    await api.patch(hrPath(namespace, name), { metadata: { annotations } });
  };
const handled = (more) => (object) =>
  object?.status?.lastHandledReconcileAt === object?.metadata.annotations['reconcile.fluxcd.io/requestedAt'] &&
  (more?.(object) ?? true);

const broken = { replicas: 1 };
const slow = { timeout: '4s' };
const drifted = (object) =>
  (object.status.conditions ?? []).some(({ type, status }) => type === 'Drifted' && status === 'True');

/** Each scenario has its own HelmRelease, named after it. */
export const scenarios = [
  { name: 'install', steps: [install({})] },
  {
    name: 'upgrade',
    steps: [
      install({ values: { message: 'one' } }),
      upgrade({ values: { message: 'two', list: ['x', 1, 1.5, true, null, '007'] } }),
    ],
  },
  { name: 'chart-version', steps: [install({}), upgrade({}, { version: '1.1.0' })] },
  {
    name: 'failed-install',
    steps: [
      {
        ...install({ ...slow, values: broken, install: { remediation: { retries: 1 } } }),
        until: stalledWith('RetriesExceeded'),
      },
    ],
  },
  {
    name: 'failed-install-plain',
    steps: [{ ...install({ ...slow, values: broken }), until: stalledWith('RetriesExceeded') }],
  },
  {
    name: 'rollback',
    steps: [
      install({}),
      {
        ...install({
          ...slow,
          values: broken,
          rollback: { timeout: '1m' },
          upgrade: { remediation: { retries: 0, remediateLastFailure: true } },
        }),
        until: stalledWith('RetriesExceeded'),
      },
      upgrade({ values: { message: 'mended' } }),
    ],
  },
  {
    name: 'retry-on-failure',
    steps: [
      {
        ...install({ ...slow, values: broken, install: { strategy: { name: 'RetryOnFailure', retryInterval: '1h' } } }),
        until: (object) => (object?.status?.conditions ?? []).some(({ reason }) => reason === 'ProgressingWithRetry'),
      },
    ],
  },
  { name: 'tested', steps: [{ ...install({ test: { enable: true } }), until: readyWith('TestSucceeded', settled) }] },
  {
    name: 'test-fails',
    steps: [
      {
        ...install({ test: { enable: true }, values: { testFate: 'Failed' } }),
        until: stalledWith('RetriesExceeded'),
      },
    ],
  },
  {
    name: 'test-ignored',
    steps: [
      {
        ...install({ test: { enable: true, ignoreFailures: true }, values: { testFate: 'Failed' } }),
        until: readyWith(
          'InstallSucceeded',
          (object, conditions) =>
            settled(object, conditions) && conditions.some(({ reason }) => reason === 'TestFailed'),
        ),
      },
    ],
  },
  {
    name: 'drift',
    steps: [
      install({ driftDetection: { mode: 'enabled' } }),
      {
        async act(place) {
          const { api, namespace, name } = place;
          await api.patch(`/api/v1/namespaces/${namespace}/configmaps/${name}`, {
            data: { message: 'changed by hand', more: 'x' },
          });
          await api.delete(`/api/v1/namespaces/${namespace}/services/${name}`);
          await request()(place);
        },
        until: handled((object) => settled(object, object.status.conditions)),
      },
    ],
  },
  {
    name: 'drift-warn',
    steps: [
      install({
        driftDetection: { mode: 'warn', ignore: [{ paths: ['/data/message'], target: { kind: 'ConfigMap' } }] },
      }),
      {
        async act(place) {
          const { api, namespace, name } = place;
          await api.patch(`/api/v1/namespaces/${namespace}/configmaps/${name}`, { data: { message: 'ignored' } });
          const scaled = { spec: { paused: true, minReadySeconds: 7 } };
          await api.patch(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`, scaled);
          await api.patch(`/api/v1/namespaces/${namespace}/services/${name}`, { spec: { selector: { app: 'other' } } });
          await request()(place);
        },
        until: handled(drifted),
      },
    ],
  },
  {
    name: 'values-from',
    steps: [
      {
        async act(place) {
          const { api, namespace, name } = place;
          const at = { namespace };
          const data = {
            'values.yaml': 'message: from a map\nextra: {deep: {a: 1, b: [x]}}\n',
            port: '8081',
            list: 'x,y{z}',
          };
          await api.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...at, name: 'settings' }, data });
          const stringData = { token: 'extra: {deep: {b: secret}}', quoted: "'123'" };
          await api.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { ...at, name: 'secrets' }, stringData });
          const valuesFrom = [
            { kind: 'ConfigMap', name: 'settings' },
            { kind: 'Secret', name: 'secrets', valuesKey: 'token' },
            { kind: 'ConfigMap', name: 'settings', valuesKey: 'port', targetPath: 'port' },
            { kind: 'Secret', name: 'secrets', valuesKey: 'quoted', targetPath: 'extra.quoted' },
            { kind: 'ConfigMap', name: 'settings', valuesKey: 'list', targetPath: 'extra.text', literal: true },
            { kind: 'ConfigMap', name: 'absent', optional: true },
          ];
          await api.apply(helmRelease(namespace, name, { valuesFrom, values: { extra: { inline: true } } }));
        },
        until: readyWith('InstallSucceeded', settled),
      },
      {
        ...install({ valuesFrom: [{ kind: 'Secret', name: 'nowhere', valuesKey: 'x' }] }),
        until: readyWith('ValuesError'),
      },
    ],
  },
  {
    name: 'depends-on',
    steps: [
      { ...install({ dependsOn: [{ name: 'first' }] }), until: readyWith('DependencyNotReady') },
      {
        act: ({ api, namespace }) => api.apply(helmRelease(namespace, 'first')),
        until: readyWith('InstallSucceeded', settled),
      },
    ],
  },
  { name: 'oci', steps: [install({ chartRef: { kind: 'OCIRepository', name: 'demo' } })] },
  {
    name: 'deleted',
    steps: [
      install({}),
      {
        act: ({ api, namespace, name }) => api.delete(hrPath(namespace, name)),
        until: (object) => object === undefined,
      },
    ],
  },
  {
    name: 'post-rendered',
    steps: [
      install({
        commonMetadata: { labels: { team: 'shop' }, annotations: { owner: 'us & them' } },
        postRenderers: [
          {
            kustomize: {
              patches: [
                { target: { kind: 'Deployment' }, patch: '- {op: add, path: /spec/minReadySeconds, value: 3}' },
                {
                  patch:
                    'apiVersion: v1\nkind: Service\nmetadata: {name: post-rendered}\nspec: {sessionAffinity: ClientIP}\n',
                },
              ],
              images: [{ name: 'acme/demo', newName: 'other/demo', newTag: 'v9' }],
            },
          },
        ],
      }),
    ],
  },
  {
    name: 'forced',
    steps: [install({}), { act: request(['forceAt']), until: readyWith('UpgradeSucceeded', settled) }],
  },
  {
    name: 'render-error',
    // How often it was tried by now is a matter of time.
    ignored: ['/status/failures'],
    steps: [{ ...install({ values: { break: 'this chart is broken' } }), until: readyWith('InstallFailed') }],
  },
  {
    name: 'client-side',
    steps: [
      install({ install: { serverSideApply: false } }),
      upgrade({
        install: { serverSideApply: false },
        upgrade: { serverSideApply: 'enabled' },
        values: { message: 'two' },
      }),
    ],
  },
  {
    name: 'target',
    steps: [
      install({ releaseName: 'other-name' }),
      {
        ...install({ releaseName: 'third-name' }),
        until: readyWith(
          'InstallSucceeded',
          (object, conditions) => settled(object, conditions) && object.status.history?.[0]?.name === 'third-name',
        ),
      },
    ],
  },
  {
    name: 'locked',
    steps: [
      install({}),
      {
        async act(place) {
          const { api, namespace, name } = place;
          const path = `/api/v1/namespaces/${namespace}/secrets/sh.helm.release.v1.${name}.v1`;
          const secret = await api.get(path);
          const text = Buffer.from(secret.data.release, 'base64').toString();
          const release = JSON.parse(gunzipSync(Buffer.from(text, 'base64')));
          release.info.status = 'pending-upgrade';
          const packed = Buffer.from(gzipSync(JSON.stringify(release)).toString('base64')).toString('base64');
          await api.patch(path, { data: { release: packed }, metadata: { labels: { status: 'pending-upgrade' } } });
          await request()(place);
        },
        until: readyWith('UpgradeSucceeded', settled),
      },
    ],
  },
  {
    name: 'suspended',
    steps: [
      {
        ...install({ suspend: true }),
        until: (object) => object?.metadata.finalizers !== undefined && observed(object),
      },
    ],
  },
];
