/** The downward API: fields of the pod and resources of its containers as text. */

import type { Pod } from '@towpath/api';
import { identityOf, specOf, type FieldSelector, type ResourceSelector } from './core.ts';
import { configError } from './errors.ts';
import { parseQuantity } from '../scheduler/quantity.ts';

/** What the node knows of a pod before the API does. */
export interface PodFacts {
  readonly podIP: string;
  readonly hostIP: string;
  /** What a container without a limit may use. */
  readonly allocatable: { readonly cpu: string; readonly memory: string };
}

const quotedKey = /^metadata\.(annotations|labels)\['([^']+)'\]$/;

/** Throws `CreateContainerConfigError` for a field that is not served. Source: Kubernetes downward API. */
export function fieldText(pod: Pod, facts: PodFacts, selector: FieldSelector): string {
  const { fieldPath } = selector;
  const keyed = quotedKey.exec(fieldPath);
  if (keyed !== null) return pod.metadata[keyed[1] as 'annotations' | 'labels']?.[keyed[2] ?? ''] ?? '';
  const { namespace, name, uid } = identityOf(pod);
  switch (fieldPath) {
    case 'metadata.name':
      return name;
    case 'metadata.namespace':
      return namespace;
    case 'metadata.uid':
      return uid;
    case 'metadata.labels':
      return quotedMap(pod.metadata.labels);
    case 'metadata.annotations':
      return quotedMap(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
    case 'status.hostIPs':
      return facts.hostIP;
    case 'status.podIP':
    case 'status.podIPs':
      return facts.podIP;
    default:
      throw configError(`unsupported fieldPath: ${fieldPath}`);
  }
}

function quotedMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

/** A limit or request of a container, divided and rounded up. */
export function resourceText(
  pod: Pod,
  facts: PodFacts,
  selector: ResourceSelector,
  ownContainer: string | undefined,
): string {
  const name = selector.containerName ?? ownContainer;
  const spec = specOf(pod);
  const container = [...spec.containers, ...(spec.initContainers ?? [])].find((one) => one.name === name);
  if (container === undefined) throw configError(`container ${name ?? ''} not found in pod`);
  const [kind, resource = ''] = selector.resource.split('.') as ['limits' | 'requests', string?];
  const own = container.resources?.[kind]?.[resource];
  const fallback = kind === 'limits' ? facts.allocatable[resource as 'cpu' | 'memory'] : '0';
  const value = parseQuantity(own ?? fallback ?? '0');
  const divisor = selector.divisor === undefined || selector.divisor === '0' ? 1 : parseQuantity(selector.divisor);
  return String(Math.ceil(value / divisor - 1e-9));
}
