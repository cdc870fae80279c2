/** Asks the API server what it would do with a change: dry runs only. */

import { keyOf, type AnyObject, type ResourceType } from '@towpath/api';
import { messageOf } from '@towpath/kit';
import { createObjectPatch } from '@towpath/releases';
import { ApiError, isNotFound, type Client } from '@towpath/runtime';
import { shownChange, type Change } from './compare.ts';
import { nameOf } from './desired.ts';
import { diffFields } from './diff.ts';
import { maskText, masked } from './mask.ts';
import type { Rehearsal } from './report.ts';

export interface RehearseOptions {
  readonly client: Client;
  /** Namespaces and kinds that the same commit creates: nothing can be asked about what lies in them. */
  readonly creates: { readonly namespaces: ReadonlySet<string>; readonly kinds: ReadonlySet<string> };
}

/** Never throws: what cannot be asked is said. */
export async function rehearse(change: Change, options: RehearseOptions): Promise<Rehearsal> {
  const object = (change.after ?? change.before)?.object;
  if (object === undefined) return notAsked('there is no object');
  try {
    const type = await options.client.resourceFor(object);
    if (type === undefined) return unknownKind(object, options);
    return await ask(change, type, options);
  } catch (error) {
    return failed(error, object);
  }
}

async function ask(change: Change, type: ResourceType, options: RehearseOptions): Promise<Rehearsal> {
  const { client, creates } = options;
  const { before, after } = change;
  const object = (after ?? before)?.object;
  if (object === undefined) return notAsked('there is no object');
  const namespace = object.metadata.namespace;
  const live = (await client.get(type, keyOf(object))) as AnyObject | undefined;
  if (after === undefined) {
    return live === undefined
      ? { outcome: 'no-effect', message: 'it is not in the cluster', alsoChanges: [] }
      : accepted();
  }
  if (after.isHook) return notAsked('hooks run during the release');
  if (live !== undefined) return askPatch(change, live, type, client);
  if (namespace !== undefined && creates.namespaces.has(namespace)) {
    return notAsked(`namespace ${namespace} is created by the same commit`);
  }
  await client.create(type, after.object, { dryRun: true });
  return change.action === 'update'
    ? { ...accepted(), message: 'it is not in the cluster: it would be created' }
    : accepted();
}

async function askPatch(change: Change, live: AnyObject, type: ResourceType, client: Client): Promise<Rehearsal> {
  const next = change.after?.object ?? live;
  const owner = foreignOwner(change, live);
  if (owner !== undefined) return { outcome: 'refused', message: owner, alsoChanges: [] };
  const last = change.before?.object ?? next;
  const patch = createObjectPatch({
    last,
    next,
    live,
    strictThreeWay: false,
    threeWayForCustom: change.after?.release === undefined,
  });
  if (patch === undefined) return { outcome: 'no-effect', message: 'the cluster has it already', alsoChanges: [] };
  const result = (await client.patch(type, keyOf(next), patch.body, { kind: patch.kind, dryRun: true })) as AnyObject;
  const known = new Set(change.fields.map(({ path }) => path));
  const also = diffFields(comparable(live), comparable(result)).filter(({ path }) => {
    return !known.has(path) && ![...known].some((each) => path.startsWith(each) || each.startsWith(path));
  });
  return { outcome: 'accepted', alsoChanges: also.map((difference) => shownChange(difference, next.kind)) };
}

/** What a server keeps for itself. */
function comparable({ metadata, status: _status, ...rest }: AnyObject): unknown {
  const { managedFields: _fields, resourceVersion: _version, generation: _generation, ...kept } = metadata;
  return { ...rest, metadata: kept };
}

/** Why Helm would refuse to install over it. */
function foreignOwner({ action, after }: Change, live: AnyObject): string | undefined {
  if (action !== 'create' || after?.release === undefined) return undefined;
  const { labels = {}, annotations = {} } = live.metadata;
  const name = annotations['meta.helm.sh/release-name'];
  // Synchronised objects are adopted by our releases.
  if (labels['fluxcd.io/sync-gc-mark'] !== undefined) return undefined;
  if (name === undefined) {
    return `${nameOf(live)} exists already and is owned by no release: Helm refuses to adopt it (invalid ownership metadata)`;
  }
  const releaseName = after.release.slice(after.release.indexOf('/') + 1);
  if (name === releaseName || name.endsWith(releaseName)) return undefined;
  return `${nameOf(live)} exists already and belongs to release ${annotations['meta.helm.sh/release-namespace'] ?? ''}/${name}`;
}

function unknownKind(object: AnyObject, { creates }: RehearseOptions): Rehearsal {
  if (creates.kinds.has(object.kind)) return notAsked(`kind ${object.kind} is created by the same commit`);
  return {
    outcome: 'refused',
    message: `the cluster serves no ${object.kind} in ${object.apiVersion}: install what defines it first`,
    alsoChanges: [],
  };
}

function failed(error: unknown, object: AnyObject): Rehearsal {
  const message = scrub(messageOf(error), object);
  if (!(error instanceof ApiError)) return notAsked(message);
  if (error.reason === 'Forbidden') return notAsked(`you may not: ${message}`);
  const isImmutable = /immutable/.test(message);
  const why = isImmutable ? `${message}: it has to be deleted and created again` : message;
  return { outcome: isNotFound(error) ? 'not-asked' : 'refused', message: why, alsoChanges: [] };
}

/** Refusals quote values. */
function scrub(message: string, object: AnyObject): string {
  const quoted =
    object.kind === 'Secret' ? message.replaceAll(/Invalid value: .*?(?=: |$)/g, `Invalid value: ${masked}`) : message;
  return maskText(quoted);
}

function accepted(): Rehearsal {
  return { outcome: 'accepted', alsoChanges: [] };
}

function notAsked(message: string): Rehearsal {
  return { outcome: 'not-asked', message, alsoChanges: [] };
}
