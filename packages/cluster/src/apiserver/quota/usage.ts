/** What an object uses of a quota. Source: pkg/quota/v1/evaluator/core. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import { addAmounts, amountsOf, counted, maxAmounts, type Amount, type Amounts } from './amounts.ts';

/** Kinds that were counted by a name of their own before `count/…`. */
const aliases: Readonly<Record<string, string>> = {
  'core/configmaps': 'configmaps',
  'core/persistentvolumeclaims': 'persistentvolumeclaims',
  'core/replicationcontrollers': 'replicationcontrollers',
  'core/resourcequotas': 'resourcequotas',
  'core/secrets': 'secrets',
  'core/services': 'services',
};

/** What an object of a collection uses. */
export function usageOf(collection: string, object: AnyObject): Amounts {
  const [group = '', plural = ''] = collection.split('/');
  const own = new Map<string, Amount>([[`count/${plural}${group === 'core' ? '' : `.${group}`}`, counted(1)]]);
  const alias = aliases[collection];
  if (alias !== undefined) own.set(alias, counted(1));
  if (collection === 'core/pods') return addAmounts(own, podUsage(object));
  if (collection === 'core/services') return addAmounts(own, serviceUsage(object));
  if (collection === 'core/persistentvolumeclaims') return addAmounts(own, claimUsage(object));
  return own;
}

function records(value: unknown): UnknownRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** Nothing for a pod that has ended. */
function podUsage(pod: AnyObject): Amounts {
  const phase = getIn(pod, ['status', 'phase']);
  if (phase === 'Succeeded' || phase === 'Failed') return new Map();
  return addAmounts(new Map([['pods', counted(1)]]), named(podResources(pod, 'requests'), podResources(pod, 'limits')));
}

/** What a pod asks for as a whole: its containers together, or more for one that comes before them. */
export function podResources(pod: AnyObject, kind: 'limits' | 'requests'): Amounts {
  const resourcesOf = (container: UnknownRecord): Amounts => amountsOf(getIn(container, ['resources', kind]));
  let together: Amounts = new Map();
  for (const container of records(getIn(pod, ['spec', 'containers'])))
    together = addAmounts(together, resourcesOf(container));
  let sidecars: Amounts = new Map();
  let before: Amounts = new Map();
  for (const container of records(getIn(pod, ['spec', 'initContainers']))) {
    const own = resourcesOf(container);
    if (container['restartPolicy'] === 'Always') {
      together = addAmounts(together, own);
      sidecars = addAmounts(sidecars, own);
      before = maxAmounts(before, sidecars);
    } else before = maxAmounts(before, addAmounts(sidecars, own));
  }
  const most = maxAmounts(together, before);
  return addAmounts(most, amountsOf(getIn(pod, ['spec', 'overhead'])));
}

/** Requests and limits under the names quotas have for them. */
export function named(requests: Amounts, limits: Amounts): Map<string, Amount> {
  const result = new Map<string, Amount>();
  for (const [name, amount] of requests) {
    if (['cpu', 'memory', 'ephemeral-storage'].includes(name) || name.startsWith('hugepages-'))
      result.set(name, amount);
    result.set(`requests.${name}`, amount);
  }
  for (const [name, amount] of limits)
    if (['cpu', 'memory', 'ephemeral-storage'].includes(name)) result.set(`limits.${name}`, amount);
  return result;
}

function serviceUsage(service: AnyObject): Amounts {
  const type = getIn(service, ['spec', 'type']);
  const ports = counted(records(getIn(service, ['spec', 'ports'])).length);
  const result = new Map<string, Amount>([
    ['services.nodeports', counted(0)],
    ['services.loadbalancers', counted(0)],
  ]);
  if (type === 'NodePort') result.set('services.nodeports', ports);
  if (type !== 'LoadBalancer') return result;
  result.set('services.loadbalancers', counted(1));
  if (getIn(service, ['spec', 'allocateLoadBalancerNodePorts']) !== false) result.set('services.nodeports', ports);
  return result;
}

function claimUsage(claim: AnyObject): Amounts {
  const result = new Map<string, Amount>();
  const storage = amountsOf(getIn(claim, ['spec', 'resources', 'requests'])).get('storage');
  const name = getIn(claim, ['spec', 'storageClassName']);
  const storageClass = typeof name === 'string' && name !== '' ? `${name}.storageclass.storage.k8s.io/` : undefined;
  if (storageClass !== undefined) result.set(`${storageClass}persistentvolumeclaims`, counted(1));
  if (storage === undefined) return result;
  result.set('requests.storage', storage);
  if (storageClass !== undefined) result.set(`${storageClass}requests.storage`, storage);
  return result;
}
