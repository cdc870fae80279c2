/** The releases `towpath up` installs, in order, with the values of the demonstration. */

import type { ComponentRelease } from './install-charts.ts';

/** In-cluster address of the demonstration repository. */
export const demoRepository = 'acme/microservices-demo';
export const gitServiceUrl = 'http://git.towpath-system';

export function components(options: { repositoryUrl: string; branch: string; path: string }): ComponentRelease[] {
  return [
    { name: 'istio', namespace: 'istio-system', chart: 'istio', values: {} },
    { name: 'prometheus', namespace: 'istio-system', chart: 'prometheus', values: {} },
    {
      name: 'flagger',
      namespace: 'istio-system',
      chart: 'flagger',
      values: { crd: { create: true }, meshProvider: 'istio', metricsServer: 'http://prometheus:9090' },
    },
    {
      name: 'helm-operator',
      namespace: 'flux',
      chart: 'helm-operator',
      values: { helm: { versions: 'v3' }, git: { pollInterval: '1m', ssh: { secretName: 'flux-git-deploy' } } },
    },
    {
      name: 'flux',
      namespace: 'flux',
      chart: 'flux',
      values: {
        git: {
          url: options.repositoryUrl,
          branch: options.branch,
          path: options.path,
          ciSkip: true,
          pollInterval: '1m',
        },
        syncGarbageCollection: { enabled: true },
        registry: { automationInterval: '1m' },
      },
    },
    {
      // Sources, Kustomizations and HelmReleases of Flux 2; the two others of the chart have releases of their own.
      name: 'towpath',
      namespace: 'flux-system',
      chart: 'towpath',
      values: {
        image: { repository: 'towpath.builtin' },
        components: { 'helm-operator': { enabled: false }, flagger: { enabled: false } },
      },
    },
  ];
}
