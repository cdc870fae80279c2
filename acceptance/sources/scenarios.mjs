/** The sources that both controllers are given, step by step. Names of files, branches and charts are those of material.mjs. */

import { isSettled } from '../releases/compare.mjs';

const group = 'source.toolkit.fluxcd.io/v1';
const plurals = {
  GitRepository: 'gitrepositories',
  OCIRepository: 'ocirepositories',
  HelmRepository: 'helmrepositories',
  HelmChart: 'helmcharts',
  Secret: 'secrets',
};

export const sourcePath = (namespace, kind, name) =>
  kind === 'Secret'
    ? `/api/v1/namespaces/${namespace}/secrets/${name}`
    : `/apis/${group}/namespaces/${namespace}/${plurals[kind]}/${name}`;

export const pluralOf = (kind) => plurals[kind];

const give = (kind, spec, extra = {}) => ({
  kind,
  act: ({ api, namespace, name, material }) => {
    const known = typeof spec === 'function' ? spec(material) : spec;
    return api.apply({
      apiVersion: group,
      kind,
      metadata: { namespace, name, ...extra },
      spec: { interval: '1h', ...known },
    });
  },
  until: isSettled,
});

const git = (more) => give('GitRepository', ({ git: url }) => ({ url, ...more }));
const oci = (more) =>
  give('OCIRepository', ({ registry }) => ({ url: `oci://${registry}/manifests/app`, insecure: true, ...more }));
const helmRepository = (more) => give('HelmRepository', ({ charts }) => ({ url: charts, ...more }));
const chart = (more) =>
  give('HelmChart', () => ({ chart: 'demo', sourceRef: { kind: 'HelmRepository', name: 'charts' }, ...more }));
const fromGit = (more) =>
  give('HelmChart', () => ({ chart: './charts/demo', sourceRef: { kind: 'GitRepository', name: 'shared' }, ...more }));

const request = (kind) => ({
  kind,
  act: ({ api, namespace, name }) =>
    api.patch(sourcePath(namespace, kind, name), {
      metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': new Date().toISOString() } },
    }),
  until: (object) =>
    object?.status?.lastHandledReconcileAt === object?.metadata.annotations['reconcile.fluxcd.io/requestedAt'],
});
const suspend = (kind) => ({
  kind,
  act: ({ api, namespace, name }) => api.patch(sourcePath(namespace, kind, name), { spec: { suspend: true } }),
  until: (object) => object.spec.suspend === true,
});
const remove = (kind) => ({
  kind,
  act: ({ api, namespace, name }) => api.delete(sourcePath(namespace, kind, name)),
  until: (object) => object === undefined,
});

/** Words of the transport below, or of the server asked. */
const ourWords = ['/message', '/kubectl', 'events'];
/** Told once more by ours when another range finds the same chart. */
const again = [
  "/events/source-controller Normal ArtifactUpToDate: artifact up-to-date with remote revision: '1.1.0' []",
];
/** Theirs is the index as Go writes it, so its size differs. */
const index = ['/files', 'events'];

/** Objects that others refer to; made before the scenarios. */
export const shared = [
  { name: 'shared', ...git({ ref: { branch: 'main' } }) },
  { name: 'charts', ...helmRepository({}) },
  {
    name: 'oci-charts',
    ...give('HelmRepository', ({ registry }) => ({ url: `oci://${registry}/charts`, type: 'oci', insecure: true })),
    until: () => true,
  },
];

export const scenarios = [
  {
    name: 'git-branch',
    steps: [
      git({ ref: { branch: 'main' } }),
      request('GitRepository'),
      suspend('GitRepository'),
      remove('GitRepository'),
    ],
  },
  { name: 'git-tag', steps: [git({ ref: { tag: 'v1.0.0' } })] },
  { name: 'git-semver', steps: [git({ ref: { semver: '1.x' } }), git({ ref: { semver: '>=9' } })] },
  {
    name: 'git-ref-name',
    steps: [git({ ref: { name: 'refs/heads/main' } }), git({ ref: { name: 'refs/tags/v1.0.0' } })],
  },
  {
    name: 'git-commit',
    steps: [
      give('GitRepository', ({ git: url, firstCommit }) => ({ url, ref: { branch: 'main', commit: firstCommit } })),
      give('GitRepository', ({ git: url, firstCommit }) => ({ url, ref: { commit: firstCommit } })),
    ],
  },
  { name: 'git-default', steps: [git({})] },
  {
    name: 'git-no-branch',
    steps: [git({ ref: { branch: 'nowhere' } }), git({ ref: { branch: 'main' } }), git({ ref: { tag: 'nothing' } })],
  },
  {
    name: 'git-no-repo',
    ignored: ourWords,
    steps: [give('GitRepository', ({ git: url }) => ({ url: `${url.replace(/app\.git$/, 'none.git')}` }))],
  },
  {
    name: 'git-no-host',
    ignored: ourWords,
    steps: [give('GitRepository', { url: 'http://127.0.0.1:1/a.git', ref: { branch: 'main' } })],
  },
  {
    name: 'git-ignore',
    steps: [
      git({ ref: { branch: 'main' }, ignore: '/*\n!/charts\n' }),
      git({ ref: { branch: 'main' }, ignore: '*.md\n' }),
    ],
  },
  { name: 'git-sparse', steps: [git({ ref: { branch: 'main' }, sparseCheckout: ['charts', 'docs'] })] },
  {
    name: 'git-include',
    steps: [
      git({ ref: { branch: 'main' }, include: [{ repository: { name: 'shared' }, fromPath: 'docs', toPath: 'more' }] }),
      git({ ref: { branch: 'main' }, include: [{ repository: { name: 'absent' } }] }),
    ],
  },
  { name: 'git-no-secret', steps: [git({ ref: { branch: 'main' }, secretRef: { name: 'absent' } })] },
  {
    name: 'oci-tag',
    steps: [
      oci({ ref: { tag: '1.0.0' } }),
      request('OCIRepository'),
      oci({ ref: { tag: '1.1.0' } }),
      remove('OCIRepository'),
    ],
  },
  { name: 'oci-semver', steps: [oci({ ref: { semver: '1.x' } }), oci({ ref: { semver: '>=9' } })] },
  {
    name: 'oci-digest',
    steps: [
      give('OCIRepository', ({ registry, digest }) => ({
        url: `oci://${registry}/manifests/app`,
        insecure: true,
        ref: { digest },
      })),
    ],
  },
  { name: 'oci-no-tag', ignored: ourWords, steps: [oci({ ref: { tag: 'nothing' } })] },
  {
    name: 'oci-bad-url',
    steps: [
      give('OCIRepository', ({ registry }) => ({ url: `oci://${registry}/manifests/app:1.0.0`, insecure: true })),
    ],
  },
  {
    name: 'oci-chart',
    steps: [
      give('OCIRepository', ({ registry }) => ({
        url: `oci://${registry}/charts/demo`,
        insecure: true,
        ref: { semver: '*' },
        layerSelector: { mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', operation: 'copy' },
      })),
      give('OCIRepository', ({ registry }) => ({
        url: `oci://${registry}/charts/demo`,
        insecure: true,
        ref: { tag: '1.0.0' },
        layerSelector: { mediaType: 'text/none' },
      })),
    ],
  },
  {
    name: 'helmrepo',
    ignored: index,
    steps: [helmRepository({}), request('HelmRepository'), remove('HelmRepository')],
  },
  { name: 'helmrepo-none', steps: [give('HelmRepository', ({ charts }) => ({ url: `${charts}/none` }))] },
  { name: 'helmrepo-no-secret', steps: [helmRepository({ secretRef: { name: 'absent' } })] },
  {
    name: 'chart-http',
    ignored: again,
    steps: [
      chart({ version: '1.0.0' }),
      chart({ version: '>=1.0.0' }),
      chart({}),
      request('HelmChart'),
      remove('HelmChart'),
    ],
  },
  {
    name: 'chart-values',
    steps: [
      chart({ version: '1.0.0', valuesFiles: ['values.yaml', 'values-prod.yaml'] }),
      chart({ version: '1.0.0', valuesFiles: ['none.yaml'] }),
      chart({ version: '1.0.0', valuesFiles: ['values.yaml', 'none.yaml'], ignoreMissingValuesFiles: true }),
    ],
  },
  { name: 'chart-no-version', steps: [chart({ version: '9.x' })] },
  { name: 'chart-no-name', steps: [chart({ chart: 'nothing' })] },
  { name: 'chart-no-source', steps: [chart({ sourceRef: { kind: 'HelmRepository', name: 'absent' } })] },
  { name: 'chart-oci', steps: [chart({ version: '1.x', sourceRef: { kind: 'HelmRepository', name: 'oci-charts' } })] },
  {
    name: 'chart-oci-none',
    steps: [chart({ version: '9.x', sourceRef: { kind: 'HelmRepository', name: 'oci-charts' } })],
  },
  {
    name: 'chart-git',
    steps: [
      fromGit({}),
      fromGit({ reconcileStrategy: 'Revision' }),
      fromGit({ valuesFiles: ['./charts/demo/values.yaml', './charts/demo/values-prod.yaml'] }),
    ],
  },
  { name: 'chart-git-none', ignored: ourWords, steps: [fromGit({ chart: './charts/none' })] },
];
