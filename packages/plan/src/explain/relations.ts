/** Who made what: from pods up to the source, by owner references, labels and annotations of Flux, Helm and Flagger. */

import type { AnyObject } from '@towpath/api';
import { groupOf, recordsAt, textAt, type Snapshot } from './snapshot.ts';

export interface Relations {
  /** Everything it came from, nearest first. */
  above(object: AnyObject): AnyObject[];
  /** Everything that came from it. */
  below(object: AnyObject): AnyObject[];
}

export function relations(snapshot: Snapshot): Relations {
  const index = indexOf(snapshot);
  const parents = new Map(snapshot.objects.map((object) => [object, parentsOf(object, index)]));
  const children = new Map<AnyObject, AnyObject[]>();
  const link = (parent: AnyObject, child: AnyObject): void => {
    const known = children.get(parent) ?? [];
    known.push(child);
    children.set(parent, known);
  };
  for (const [child, list] of parents) for (const parent of list) link(parent, child);
  for (const canary of snapshot.objects.filter(({ kind }) => kind === 'Canary')) {
    const target = index.find(
      textAt(canary, ['spec', 'targetRef', 'kind']) ?? 'Deployment',
      canary.metadata.namespace,
      textAt(canary, ['spec', 'targetRef', 'name']) ?? '',
    );
    // A canary is about its target, and the target's news are the canary's: each way once.
    if (target !== undefined) {
      link(canary, target);
      link(target, canary);
    }
  }
  return { above: (object) => closure(object, parents), below: (object) => closure(object, children) };
}

interface Index {
  readonly snapshot: Snapshot;
  readonly find: (kind: string, namespace: string | undefined, name: string) => AnyObject | undefined;
}

function indexOf(snapshot: Snapshot): Index {
  const byName = new Map<string, AnyObject>();
  for (const object of snapshot.objects)
    byName.set(keyOf(object.kind, object.metadata.namespace, object.metadata.name), object);
  return { snapshot, find: (kind, namespace, name) => byName.get(keyOf(kind, namespace, name)) };
}

function keyOf(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${namespace ?? ''}/${name}`;
}

function closure(start: AnyObject, links: ReadonlyMap<AnyObject, readonly AnyObject[]>): AnyObject[] {
  const found = new Set<AnyObject>();
  const queue = [...(links.get(start) ?? [])];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (next === start || found.has(next)) continue;
    found.add(next);
    queue.push(...(links.get(next) ?? []));
  }
  return [...found];
}

function parentsOf(object: AnyObject, index: Index): AnyObject[] {
  const { namespace, labels = {}, ownerReferences = [] } = object.metadata;
  const owners = ownerReferences.map(({ kind, name }) => index.find(kind, namespace, name));
  const kustomization = labels['kustomize.toolkit.fluxcd.io/name'];
  const release = labels['helm.toolkit.fluxcd.io/name'];
  const found = [
    ...owners,
    ...(kustomization === undefined
      ? []
      : [index.find('Kustomization', labels['kustomize.toolkit.fluxcd.io/namespace'], kustomization)]),
    ...(release === undefined ? [] : [index.find('HelmRelease', labels['helm.toolkit.fluxcd.io/namespace'], release)]),
    ...helmParents(object, index),
    ...sources(object, index),
    ...syncs(object, index),
  ];
  return [...new Set(found.filter((each): each is AnyObject => each !== undefined && each !== object))];
}

function helmParents({ metadata }: AnyObject, { find, snapshot }: Index): (AnyObject | undefined)[] {
  const { annotations = {} } = metadata;
  const antecedent = /^([^:]+):helmrelease\/(.+)$/.exec(annotations['helm.fluxcd.io/antecedent'] ?? '');
  if (antecedent !== null) return [find('HelmRelease', antecedent[1], antecedent[2] ?? '')];
  const name = annotations['meta.helm.sh/release-name'];
  if (name === undefined) return [];
  const namespace = annotations['meta.helm.sh/release-namespace'];
  return snapshot.objects.filter((object) => {
    if (object.kind !== 'HelmRelease') return false;
    const own =
      textAt(object, ['spec', 'releaseName']) ?? textAt(object, ['status', 'releaseName']) ?? object.metadata.name;
    return own === name && (textAt(object, ['spec', 'targetNamespace']) ?? object.metadata.namespace) === namespace;
  });
}

/** Of Flux 2: sourceRef, chartRef, the HelmChart that a release makes, and the policies an automation writes down. */
function sources(object: AnyObject, { find, snapshot }: Index): (AnyObject | undefined)[] {
  if (!groupOf(object).endsWith('.toolkit.fluxcd.io')) return [];
  const { namespace, name } = object.metadata;
  const refs = [
    ['spec', 'sourceRef'],
    ['spec', 'chartRef'],
    ['spec', 'chart', 'spec', 'sourceRef'],
  ] as const;
  const named = refs.map((path) => {
    const kind = textAt(object, [...path, 'kind']);
    const source = textAt(object, [...path, 'name']);
    return kind === undefined || source === undefined
      ? undefined
      : find(kind, textAt(object, [...path, 'namespace']) ?? namespace, source);
  });
  const chart = textAt(object, ['status', 'helmChart'])?.split('/').at(-1) ?? `${namespace ?? ''}-${name}`;
  const depends = recordsAt(object, ['spec', 'dependsOn']).map((each) =>
    find(object.kind, textAt(each, ['namespace']) ?? namespace, String(each['name'])),
  );
  return [
    ...named,
    ...(object.kind === 'HelmRelease' ? [find('HelmChart', namespace, chart)] : []),
    ...depends,
    ...imageParents(object, { find, snapshot }),
  ];
}

/** Which policies an automation has markers for is in the repository: all of its namespace may be. */
function imageParents(object: AnyObject, { find, snapshot }: Index): (AnyObject | undefined)[] {
  const { namespace } = object.metadata;
  if (object.kind === 'ImagePolicy') {
    const repository = ['spec', 'imageRepositoryRef'] as const;
    const from = textAt(object, [...repository, 'namespace']) ?? namespace;
    return [find('ImageRepository', from, textAt(object, [...repository, 'name']) ?? '')];
  }
  if (object.kind !== 'ImageUpdateAutomation') return [];
  return snapshot.objects.filter(({ kind, metadata }) => kind === 'ImagePolicy' && metadata.namespace === namespace);
}

/** Flux 1 marks what it applies; the mark does not tell whose it is, and one cluster has one Flux as a rule. */
function syncs(object: AnyObject, { snapshot }: Index): AnyObject[] {
  const isMarked = object.metadata.labels?.['fluxcd.io/sync-gc-mark'] !== undefined;
  if (!isMarked && groupOf(object) !== 'helm.fluxcd.io') return [];
  return snapshot.objects.filter(({ kind, apiVersion }) => kind === 'Sync' && apiVersion.startsWith('towpath.dev/'));
}
