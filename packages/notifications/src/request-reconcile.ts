/** Asks the controllers of other objects to look now, by their annotation. */

import { keyOf, reconcileRequestAnnotation, type KubeObject, type ResourceType } from '@towpath/api';
import type { Clock } from '@towpath/kit';
import type { Client } from '@towpath/runtime';
import type { ReceiverResource } from './kinds.ts';

/** Kinds that need no apiVersion. Source: notification-controller, receiver_handlers. */
const usualVersions: Readonly<Record<string, string>> = {
  Bucket: 'source.toolkit.fluxcd.io/v1',
  GitRepository: 'source.toolkit.fluxcd.io/v1',
  HelmChart: 'source.toolkit.fluxcd.io/v1',
  HelmRepository: 'source.toolkit.fluxcd.io/v1',
  OCIRepository: 'source.toolkit.fluxcd.io/v1',
  ImageRepository: 'image.toolkit.fluxcd.io/v1',
};

export interface RequestDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly noCrossNamespaceRefs: boolean;
}

/** Returns what was asked, as `Kind/namespace/name`. Throws an Error that names what cannot be asked. */
export async function requestReconcile(
  resource: ReceiverResource,
  receiverNamespace: string,
  deps: RequestDeps,
): Promise<string[]> {
  const { client, noCrossNamespaceRefs } = deps;
  const { namespace = receiverNamespace } = resource;
  if (noCrossNamespaceRefs && namespace !== receiverNamespace) {
    throw new Error(`${resource.kind} ${namespace}/${resource.name}: references into other namespaces are not allowed`);
  }
  const type = await typeOf(resource, client);
  const objects = await objectsOf(resource, type, namespace, client);
  const value = requestValue(deps.clock);
  for (const object of objects) {
    const metadata = { annotations: { [reconcileRequestAnnotation]: value } };
    await client.patch(type, keyOf(object), { metadata }, { kind: 'merge' });
  }
  return objects.map(({ metadata }) => `${resource.kind}/${namespace}/${metadata.name}`);
}

async function typeOf({ apiVersion, kind }: ReceiverResource, client: Client): Promise<ResourceType> {
  const version = apiVersion ?? usualVersions[kind];
  if (version === undefined) throw new Error(`apiVersion must be specified for kind ${JSON.stringify(kind)}`);
  const type = await client.resourceFor({ apiVersion: version, kind });
  if (type === undefined) throw new Error(`${kind} of ${version} is not served by this cluster`);
  return type;
}

async function objectsOf(
  { kind, name, matchLabels }: ReceiverResource,
  type: ResourceType,
  namespace: string,
  client: Client,
): Promise<readonly KubeObject[]> {
  if (name !== '*') {
    const object = await client.get(type, { namespace, name });
    if (object === undefined) throw new Error(`there is no ${kind} ${namespace}/${name}`);
    return [object];
  }
  if (matchLabels === undefined) throw new Error(`matchLabels field not set when using wildcard '*' as name`);
  const labelSelector = Object.entries(matchLabels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
  return (await client.list(type, { namespace, labelSelector })).items;
}

let counted = 0;

/** A time as Go prints it; no two are the same, so that no request is taken for an earlier one. */
function requestValue(clock: Clock): string {
  counted = (counted + 1) % 1_000_000;
  const [date = '', time = ''] = new Date(clock.nowMs()).toISOString().slice(0, -1).split('T');
  return `${date} ${time}${String(counted).padStart(6, '0')} +0000 UTC`;
}
