/** What a running Flux 2 applies of this repository: the commit, and where it starts. */

import type { AnyObject } from '@towpath/api';
import { getIn } from '@towpath/kit';
import type { Client } from '@towpath/runtime';

export interface AppliedByFlux {
  /** Commit id. */
  readonly revision: string;
  /** `Kustomization flux-system/flux-system`. */
  readonly by: string;
  /** The GitRepositories of this repository, and the Kustomizations of them that no other Kustomization made. */
  readonly objects: readonly AnyObject[];
}

/** Undefined without Kustomizations of this repository that applied something. */
export async function appliedByFlux(
  client: Client,
  isOwn: (url: string) => boolean,
): Promise<AppliedByFlux | undefined> {
  const [sources, kustomizations] = await Promise.all([
    list(client, { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository' }),
    list(client, { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization' }),
  ]);
  const own = sources.filter((source) => isOwn(String(getIn(source, ['spec', 'url']))));
  const keys = new Set(own.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`));
  const roots = kustomizations.filter((object) => !isMade(object) && keys.has(sourceKey(object)));
  for (const root of roots) {
    const revision = /:([0-9a-f]{40,64})$/.exec(String(getIn(root, ['status', 'lastAppliedRevision'])))?.[1];
    const { namespace = '', name } = root.metadata;
    if (revision !== undefined)
      return { revision, by: `Kustomization ${namespace}/${name}`, objects: [...own, ...roots] };
  }
  return undefined;
}

/** True for one that another Kustomization applied; the one of `flux bootstrap` applies itself. */
function isMade({ metadata: { namespace, name, labels = {} } }: AnyObject): boolean {
  const maker = labels['kustomize.toolkit.fluxcd.io/name'];
  return maker !== undefined && (maker !== name || labels['kustomize.toolkit.fluxcd.io/namespace'] !== namespace);
}

function sourceKey(object: AnyObject): string {
  const ref = (member: string): unknown => getIn(object, ['spec', 'sourceRef', member]);
  return ref('kind') === 'GitRepository'
    ? `${String(ref('namespace') ?? object.metadata.namespace)}/${String(ref('name'))}`
    : '';
}

/** Empty where the kind is not served, or may not be read. */
async function list(client: Client, what: { apiVersion: string; kind: string }): Promise<AnyObject[]> {
  try {
    const type = await client.resourceFor(what);
    return type === undefined ? [] : ((await client.list(type)).items as AnyObject[]);
  } catch {
    return [];
  }
}
