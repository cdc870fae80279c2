/**
 * Public repositories for Flux 2, and what each needs so that it can be run without the internet: its URLs become local mirrors, charts and
 * manifests of third parties stand-ins of the same names and versions. What is left out of a repository says so in `leftOut`.
 */

const bootstrapMetadata = { name: 'flux-system', namespace: 'flux-system' };

/** As `flux bootstrap` writes it. */
const bootstrap =
  (path, more = {}) =>
  (url) => [
    {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: bootstrapMetadata,
      spec: { interval: '1m', url, ref: { branch: 'main' } },
    },
    {
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: bootstrapMetadata,
      spec: { interval: '10m', path, prune: true, sourceRef: { kind: 'GitRepository', name: 'flux-system' }, ...more },
    },
  ];

/** A CRD without a schema. */
export const crd = (group, kind, plural, scope) =>
  JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // Groups of Kubernetes itself are taken only with it; the charts they stand for have it, too.
      ...(group.endsWith('.k8s.io') && { annotations: { 'api-approved.kubernetes.io': 'unapproved, a stand-in' } }),
    },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  });

const podinfoChart = { name: 'podinfo', version: '6.9.0' };

const kustomizeHelm = {
  name: 'flux2-kustomize-helm-example',
  objects: bootstrap('./clusters/staging'),
  charts: [
    podinfoChart,
    {
      name: 'cert-manager',
      version: '1.18.2',
      oci: 'jetstack/charts',
      crds: [crd('cert-manager.io', 'ClusterIssuer', 'clusterissuers', 'Cluster')],
    },
    {
      name: 'gateway-helm',
      version: '1.8.0',
      oci: 'envoyproxy',
      crds: [
        crd('gateway.networking.k8s.io', 'Gateway', 'gateways', 'Namespaced'),
        crd('gateway.networking.k8s.io', 'GatewayClass', 'gatewayclasses', 'Cluster'),
      ],
    },
  ],
  leftOut: ['the source-watcher (ArtifactGenerator): paths are those before it'],
  remove: ['clusters/staging/artifacts.yaml', 'clusters/staging/flux-system'],
  edit: (text, { charts, registry }) =>
    text
      .replace(/kind: ExternalArtifact\n(\s+)name: (\w+)\n(\s+)path: \.\//g, (_all, indent, name, outer) => {
        const dir = name === 'apps' ? 'apps' : 'infrastructure';
        return `kind: GitRepository\n${indent}name: flux-system\n${outer}path: ./${dir}/`;
      })
      .replace('https://stefanprodan.github.io/podinfo', charts)
      .replace(/url: oci:\/\/(?:quay\.io|docker\.io)\//, `insecure: true\n  url: oci://${registry}/`),
  last: 'podinfo',
  applied: [
    '/api/v1/namespaces',
    '/api/v1/configmaps',
    '/apis/cert-manager.io/v1/clusterissuers',
    '/apis/gateway.networking.k8s.io/v1/gateways',
  ],
  reconcile: [
    ['kustomization', 'apps', '--with-source'],
    ['helmrelease', 'podinfo', '-n', 'podinfo', '--with-source'],
  ],
  namespaces: ['podinfo', 'cert-manager', 'envoy-gateway-system'],
};

const administrator = [
  {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'kustomize-controller', namespace: 'flux-system' },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'cluster-reconciler' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: 'kustomize-controller', namespace: 'flux-system' }],
  },
];

/** Tenants act as their ServiceAccounts; the controllers run with the flags of clusters/staging/flux-system/kustomization.yaml. */
const multiTenancy = {
  name: 'flux2-multi-tenancy',
  branches: { 'dev-team': 'origin/dev-team' },
  before: administrator,
  objects: bootstrap('./clusters/staging', { serviceAccountName: 'kustomize-controller' }),
  flags: {
    'kustomize-controller': [
      '--no-cross-namespace-refs=true',
      '--no-remote-bases=true',
      '--default-service-account=default',
    ],
    'helm-controller': ['--no-cross-namespace-refs=true', '--default-service-account=default'],
  },
  charts: [podinfoChart],
  artifacts: [
    {
      url: 'kyverno/manifests/kyverno',
      tag: 'v1.14.4',
      files: { 'crds.yaml': crd('kyverno.io', 'ClusterPolicy', 'clusterpolicies', 'Cluster') },
    },
  ],
  leftOut: [
    'spec.verify (cosign) of OCIRepository kyverno-controller: the stand-in is not signed; ours refuses it by name',
    'what Kyverno does with its policies',
    'the API versions of 2021 on the branch dev-team: written as v1 and v2, as flux migrate does',
  ],
  remove: ['clusters/staging/flux-system'],
  edit: (text, { git, charts, registry }) =>
    text
      .replace('https://github.com/fluxcd/flux2-multi-tenancy', git)
      .replace('https://stefanprodan.github.io/podinfo', charts)
      .replace('url: oci://ghcr.io/', `insecure: true\n  url: oci://${registry}/`)
      .replace(/\n {2}verify:\n {4}provider: cosign/, '')
      .replace(/source\.toolkit\.fluxcd\.io\/v1beta\d/g, 'source.toolkit.fluxcd.io/v1')
      .replace(/helm\.toolkit\.fluxcd\.io\/v2beta\d/g, 'helm.toolkit.fluxcd.io/v2'),
  last: 'podinfo',
  applied: [
    '/api/v1/namespaces',
    '/api/v1/configmaps',
    '/api/v1/serviceaccounts',
    '/apis/rbac.authorization.k8s.io/v1/rolebindings',
    '/apis/kyverno.io/v1/clusterpolicies',
  ],
  reconcile: [
    ['kustomization', 'tenants', '--with-source'],
    ['kustomization', 'dev-team', '-n', 'apps', '--with-source'],
    ['helmrelease', 'podinfo', '-n', 'apps', '--with-source'],
  ],
  namespaces: ['apps'],
  cluster: ['clusterrolebinding/cluster-reconciler'],
};

/** As in "Get started with Flux" (fluxcd.io): its overlay by a Kustomization; and its chart, the real one, by a HelmRelease. */
const podinfo = {
  name: 'podinfo',
  objects: (url) => [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'webapp' } },
    {
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      metadata: { name: 'podinfo', namespace: 'flux-system' },
      spec: { interval: '1m', url, ref: { branch: 'main' }, ignore: '/*\n!/kustomize/\n!/charts/\n!/deploy/' },
    },
    ...[
      { name: 'podinfo', path: './kustomize', targetNamespace: 'default' },
      { name: 'webapp', path: './deploy/bases/backend', targetNamespace: 'webapp' },
      { name: 'cache', path: './deploy/bases/cache', targetNamespace: 'webapp', namePrefix: 'dev-' },
    ].map(({ name, ...spec }) => ({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name, namespace: 'flux-system' },
      spec: {
        interval: '30m',
        retryInterval: '2m',
        prune: true,
        timeout: '3m',
        sourceRef: { kind: 'GitRepository', name: 'podinfo' },
        patches: [
          {
            target: { kind: 'HorizontalPodAutoscaler' },
            patch:
              'apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: any\nspec:\n  minReplicas: 2\n',
          },
        ],
        ...spec,
      },
    })),
    {
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { name: 'podinfo', namespace: 'webapp' },
      spec: {
        interval: '30m',
        releaseName: 'chart',
        chart: {
          spec: {
            chart: './charts/podinfo',
            reconcileStrategy: 'Revision',
            valuesFiles: ['./charts/podinfo/values.yaml', './charts/podinfo/values-prod.yaml'],
            sourceRef: { kind: 'GitRepository', name: 'podinfo', namespace: 'flux-system' },
          },
        },
        install: { disableWait: true },
        values: { replicaCount: 1, ingress: { enabled: true } },
      },
    },
  ],
  leftOut: [
    'waiting for the pods: the images are not in reach',
    'deploy/overlays: transformers of kustomize, which ours refuses by name without a kustomize program on the PATH',
  ],
  edit: (text) => text,
  last: 'podinfo',
  applied: [
    '/apis/apps/v1/deployments',
    '/api/v1/services',
    '/api/v1/configmaps',
    '/api/v1/serviceaccounts',
    '/apis/autoscaling/v2/horizontalpodautoscalers',
    '/apis/networking.k8s.io/v1/ingresses',
    '/apis/policy/v1/poddisruptionbudgets',
  ],
  reconcile: [
    ['kustomization', 'podinfo', '--with-source'],
    ['helmrelease', 'podinfo', '-n', 'webapp', '--with-source'],
  ],
  namespaces: ['webapp'],
};

export const repositories = [kustomizeHelm, multiTenancy, podinfo];
