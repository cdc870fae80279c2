/** The paths of the kubelet's server. */

export type KubeletPath =
  | { readonly type: 'health' }
  | { readonly type: 'pods' }
  | { readonly type: 'resource-metrics' }
  | { readonly type: 'log'; readonly namespace: string; readonly pod: string; readonly container: string }
  | {
      readonly type: 'connect';
      readonly subresource: 'exec' | 'attach' | 'portforward';
      readonly namespace: string;
      readonly pod: string;
      /** Empty for port-forward. */
      readonly container: string;
    }
  | { readonly type: 'unknown' };

const subresources = { exec: 'exec', attach: 'attach', portForward: 'portforward' } as const;

/** `/exec/NAMESPACE/POD[/UID]/CONTAINER` and the like. */
export function parseKubeletPath(path: string): KubeletPath {
  const [first = '', ...rest] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  if (first === 'healthz') return { type: 'health' };
  if (first === 'pods' && rest.length === 0) return { type: 'pods' };
  if (first === 'metrics' && rest[0] === 'resource') return { type: 'resource-metrics' };
  const [namespace, pod] = rest;
  if (namespace === undefined || pod === undefined) return { type: 'unknown' };
  if (first === 'containerLogs' && rest.length === 3) return { type: 'log', namespace, pod, container: rest[2] ?? '' };
  if (!Object.hasOwn(subresources, first)) return { type: 'unknown' };
  const subresource = subresources[first as keyof typeof subresources];
  const container = subresource === 'portforward' ? '' : (rest.at(-1) ?? '');
  if (subresource !== 'portforward' && rest.length < 3) return { type: 'unknown' };
  return { type: 'connect', subresource, namespace, pod, container };
}
