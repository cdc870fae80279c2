/** ControllerRevisions: the numbered pod templates of StatefulSets and DaemonSets. */

import { keyOf, ownerReference, type KubeObject, type PodTemplate } from '@towpath/api';
import { getIn } from '@towpath/kit';
import { isAlreadyExists, type Client } from '@towpath/runtime';
import { isControlledBy } from './ownership.ts';
import { sameTemplate, templateHash } from './template-hash.ts';
import { ControllerRevisionType, type ControllerRevision } from './types.ts';

export const revisionHashLabel = 'controller-revision-hash';

export interface TemplateOwner extends KubeObject {
  spec: { template: PodTemplate; selector: { matchLabels?: Record<string, string> }; revisionHistoryLimit?: number };
  status?: { collisionCount?: number };
}

/** The pod template a revision holds. */
function templateOf(revision: ControllerRevision): PodTemplate | undefined {
  return getIn(revision.data, ['spec', 'template']) as PodTemplate | undefined;
}

/** The revisions of `owner`, oldest first. */
export function ownRevisions(owner: TemplateOwner, known: readonly ControllerRevision[]): ControllerRevision[] {
  return known
    .filter((revision) => revision.metadata.namespace === owner.metadata.namespace && isControlledBy(revision, owner))
    .toSorted((left, right) => left.revision - right.revision);
}

/**
 * The revision of the owner's current template: found, moved to the end when the template went back, or created.
 * Source: Kubernetes pkg/controller/history.
 */
export async function ensureRevision(
  client: Client,
  owner: TemplateOwner,
  revisions: readonly ControllerRevision[],
): Promise<ControllerRevision> {
  const last = revisions.at(-1);
  const equal = revisions.findLast((revision) => {
    const template = templateOf(revision);
    return template !== undefined && sameTemplate(withoutPatchMark(template), owner.spec.template);
  });
  const next = (last?.revision ?? 0) + 1;
  if (equal !== undefined && equal === last) return equal;
  if (equal !== undefined) {
    return client.patch(ControllerRevisionType, keyOf(equal), { revision: next }, { kind: 'merge' });
  }
  const wanted = newRevision(owner, next);
  try {
    return await client.create(ControllerRevisionType, wanted);
  } catch (error) {
    const live = isAlreadyExists(error) ? await client.get(ControllerRevisionType, keyOf(wanted)) : undefined;
    if (live === undefined || !isControlledBy(live, owner)) throw error;
    return live;
  }
}

function newRevision(owner: TemplateOwner, revision: number): ControllerRevision {
  const { name, namespace, annotations } = owner.metadata;
  const hash = templateHash(owner.spec.template, owner.status?.collisionCount ?? 0);
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace !== undefined && { namespace }),
      labels: { ...owner.spec.template.metadata?.labels, [revisionHashLabel]: hash },
      // `kubectl rollout history` reads the cause of the change from there.
      ...(annotations !== undefined && { annotations }),
      ownerReferences: [ownerReference(owner)],
    },
    revision,
    // The mark lets `kubectl rollout undo` send the data as a strategic patch that replaces the whole template.
    data: { spec: { template: { ...owner.spec.template, $patch: 'replace' } } },
  };
}

function withoutPatchMark(template: PodTemplate): PodTemplate {
  const { $patch: _mark, ...rest } = template as PodTemplate & { $patch?: string };
  return rest;
}

/** The template of a revision as pods get it. */
export function podTemplateOf(revision: ControllerRevision, fallback: PodTemplate): PodTemplate {
  const template = templateOf(revision);
  return template === undefined ? fallback : withoutPatchMark(template);
}

/** Deletes revisions that no pod runs, beyond the history limit. */
export async function trimRevisions(
  client: Client,
  owner: TemplateOwner,
  revisions: readonly ControllerRevision[],
  inUse: ReadonlySet<string>,
): Promise<void> {
  const unused = revisions.filter((revision) => !inUse.has(revision.metadata.name));
  const surplus = unused.length - (owner.spec.revisionHistoryLimit ?? 10);
  for (const revision of unused.slice(0, Math.max(0, surplus))) {
    await client.delete(ControllerRevisionType, keyOf(revision));
  }
}
