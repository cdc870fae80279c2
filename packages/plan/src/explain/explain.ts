/** From a snapshot to the first cause: pure. */

import type { AnyObject } from '@towpath/api';
import { canaryFindings } from './canary-causes.ts';
import { deliveryFindings, deliveryStage } from './delivery-causes.ts';
import type { Explanation, Finding, Link, Stage } from './explanation.ts';
import { podFindings } from './pod-causes.ts';
import { relations, type Relations } from './relations.ts';
import { conditionsOf, nameOf, numberAt, textAt, type Snapshot } from './snapshot.ts';
import { isWorkload, readiness, workloadFindings } from './workload-causes.ts';

const families = [deliveryFindings, workloadFindings, podFindings, canaryFindings] as const;
const order: readonly Stage[] = ['source', 'apply', 'release', 'workload', 'pod', 'canary'];

/** Why `target` is not well. It has to be an object of the snapshot. */
export function explain(snapshot: Snapshot, target: AnyObject): Explanation {
  return explainWith(snapshot, target, relations(snapshot));
}

function explainWith(snapshot: Snapshot, target: AnyObject, graph: Relations): Explanation {
  const up = graph.above(target);
  const down = graph.below(target);
  const all = [...new Set([...up, target, ...down])];
  const found = new Map(all.map((object) => [object, findingsOf(snapshot, object)]));
  const own = found.get(target) ?? [];
  const below = down.flatMap((object) => found.get(object) ?? []);
  const above = up.flatMap((object) => found.get(object) ?? []).filter((finding) => concerns(finding, [...up, target]));
  // A pod that crashes says more than a release that waited for it; what is above matters when nothing here is wrong.
  // A HelmChart is above its release as a source, and below it as its child.
  const candidates = [...new Set([...own, ...below, ...above])];
  const first = candidates.find(({ isConsequence }) => isConsequence !== true) ?? candidates[0];
  const kept = new Set(candidates);
  return {
    target: nameOf(target),
    isWell: candidates.length === 0,
    chain: chainOf(all, (object) => (found.get(object) ?? []).filter((finding) => kept.has(finding))),
    ...(first !== undefined && { first }),
    others: candidates.filter((finding) => finding !== first),
  };
}

/** Every object that is not well, those that only wait for another left out; the first in the flow comes first. */
export function explainAll(snapshot: Snapshot): Explanation[] {
  const graph = relations(snapshot);
  const failing = snapshot.objects.filter((object) => findingsOf(snapshot, object).length > 0);
  const explained = failing.map((object) => explainWith(snapshot, object, graph));
  const seen = new Set<string>();
  return explained
    .filter(({ first }) => first !== undefined)
    .toSorted((left, right) => rank(left.first?.stage) - rank(right.first?.stage))
    .filter(({ first }) => {
      const key = `${first?.cause ?? ''} ${first?.sentence.replaceAll(/-[a-z0-9]{5}(?=:)/g, '') ?? ''}`;
      return !seen.has(key) && seen.add(key);
    });
}

function findingsOf(snapshot: Snapshot, object: AnyObject): Finding[] {
  return families.flatMap((family) => family(snapshot, object));
}

/** A file that could not be applied concerns only what it declares. */
function concerns(finding: Finding, objects: readonly AnyObject[]): boolean {
  if (finding.evidence[0]?.field.startsWith('status.problems') !== true) return true;
  return objects.some(({ kind, metadata }) => finding.sentence.includes(`:${kind.toLowerCase()}/${metadata.name})`));
}

/** Long fleets are cut: a chain is to be read. */
const linksMax = 40;

function chainOf(objects: readonly AnyObject[], findings: (object: AnyObject) => Finding[]): Link[] {
  return objects
    .flatMap((object): Link[] => {
      const stage = stageOf(object);
      if (stage === undefined) return [];
      const found = findings(object);
      const isFailing = found.some(({ isConsequence }) => isConsequence !== true);
      const state = isFailing ? 'failing' : found.length > 0 ? 'waiting' : 'well';
      return [{ stage, object: nameOf(object), state, detail: detailOf(object) }];
    })
    .toSorted((left, right) => rank(left.stage) - rank(right.stage))
    .slice(0, linksMax);
}

function rank(stage: Stage | undefined): number {
  return stage === undefined ? order.length : order.indexOf(stage);
}

function stageOf(object: AnyObject): Stage | undefined {
  if (isWorkload(object)) return 'workload';
  if (object.kind === 'Pod') return 'pod';
  if (object.kind === 'Canary') return 'canary';
  return deliveryStage(object);
}

function detailOf(object: AnyObject): string {
  if (isWorkload(object)) {
    const { wanted, ready } = readiness(object);
    return `${ready}/${wanted} ready`;
  }
  switch (object.kind) {
    case 'Pod':
      return textAt(object, ['status', 'phase']) ?? 'Pending';
    case 'Canary':
      return `${textAt(object, ['status', 'phase']) ?? 'not begun'}, weight ${numberAt(object, ['status', 'canaryWeight']) ?? 0}`;
    case 'Sync':
      return `${textAt(object, ['spec', 'branch']) ?? ''}@${shortened(textAt(object, ['status', 'syncedRevision']))}`;
    default: {
      const revision =
        textAt(object, ['status', 'revision']) ??
        textAt(object, ['status', 'lastAppliedRevision']) ??
        textAt(object, ['status', 'artifact', 'revision']) ??
        textAt(object, ['status', 'latestRef', 'tag']) ??
        textAt(object, ['status', 'observedSourceRevision']);
      const ready = conditionsOf(object).find(({ type }) => type === 'Ready' || type === 'Released');
      return [shortened(revision), ready?.reason].filter((part) => part !== undefined && part !== '').join(', ');
    }
  }
}

function shortened(revision: string | undefined): string {
  return (revision ?? '').replace(/([0-9a-f]{7})[0-9a-f]{33,}/, '$1');
}

/** Names people use for kinds. */
const aliases: Readonly<Record<string, string>> = {
  deploy: 'deployment',
  sts: 'statefulset',
  ds: 'daemonset',
  po: 'pod',
  hr: 'helmrelease',
  hrs: 'helmrelease',
  ks: 'kustomization',
  gitrepo: 'gitrepository',
  helmrepo: 'helmrepository',
  ocirepo: 'ocirepository',
  imgrepo: 'imagerepository',
  imagerepo: 'imagerepository',
  imgpol: 'imagepolicy',
  imagepol: 'imagepolicy',
  iua: 'imageupdateautomation',
  imgupd: 'imageupdateautomation',
  imgauto: 'imageupdateautomation',
};

/** The object that `kind/name` names; undefined when the snapshot has none. */
export function findTarget(
  snapshot: Snapshot,
  wanted: { kind: string; name: string; namespace: string | undefined },
): AnyObject | undefined {
  const asked = wanted.kind.toLowerCase().split('.')[0] ?? '';
  const kinds = new Set([asked, aliases[asked] ?? asked, asked.replace(/s$/, ''), asked.replace(/ies$/, 'y')]);
  return snapshot.objects.find(({ kind, metadata }) => {
    return (
      kinds.has(kind.toLowerCase()) &&
      metadata.name === wanted.name &&
      (wanted.namespace === undefined || metadata.namespace === wanted.namespace)
    );
  });
}
