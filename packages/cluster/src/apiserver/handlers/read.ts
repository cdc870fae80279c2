/** Gets and lists, with chunks that stay consistent. */

import type { ApiResponse } from '../http/message.ts';
import { badRequest, cause, expired, invalid, notFound, plainError, StatusError } from '../http/status.ts';
import type { Resource } from '../resources/resource.ts';
import type { StoredObject } from '../storage/collection.ts';
import { storageKey, type ApiContext, type Target } from './context.ts';
import { negotiate } from './negotiate.ts';
import { renderList, renderObject, respond, type ListMetadata, type RenderOptions } from './render.ts';
import { parseSelection, selects } from './selectors.ts';
import type { ListSnapshots } from './snapshots.ts';

/** How the answer to a read is to look. */
export function renderOptionsOf(context: ApiContext, target: Target): RenderOptions {
  return {
    format: negotiate(target.headers['accept'], target.name === '' ? 'many' : 'one'),
    nowMs: context.clock.nowMs(),
    includeObject: includeObjectOf(target.query.get('includeObject')),
  };
}

/** Throws a 400 for what does not exist. */
function includeObjectOf(value: string | null): string {
  if (value === null || value === '') return 'Metadata';
  if (value === 'Metadata' || value === 'Object' || value === 'None') return value;
  const problem = `includeObject: Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`;
  throw badRequest(`Unable to convert to Table as requested: ${problem}`);
}

/** A list is not one object's metadata, nor the other way round. Throws a 406. */
function checkShape(options: RenderOptions, { kind, custom }: Resource, asked: 'one' | 'list'): void {
  const { shape } = options.format;
  const wrong = asked === 'list' ? shape === 'partial' : shape === 'partialList';
  if (!wrong || custom !== undefined) return;
  const name = asked === 'list' ? 'PartialObjectMetadata' : 'PartialObjectMetadataList';
  const found = asked === 'list' ? `a list (*core.${kind}List)` : `not a list (*core.${kind})`;
  const message = `you requested ${name}, but the requested object is ${found}`;
  throw new StatusError({ code: 406, reason: 'NotAcceptable', message });
}

/** Answers GET of one object. */
export async function getObject(context: ApiContext, target: Target): Promise<ApiResponse> {
  const { resource } = target;
  const options = renderOptionsOf(context, target);
  checkShape(options, resource, 'one');
  checkNotTooNew(context, target);
  const key = storageKey(resource, target.namespace, target.name);
  const stored = context.objects.collection(resource.collection).get(key);
  if (!context.objects.isSettled) await context.objects.settled();
  if (stored === undefined) throw notFound(resource, target.name);
  return respond(200, renderObject(resource, stored, options), options.format);
}

/** Answers GET of a collection. */
export async function listObjects(context: ApiContext, target: Target, snapshots: ListSnapshots): Promise<ApiResponse> {
  const { resource, query } = target;
  const options = renderOptionsOf(context, target);
  checkShape(options, resource, 'list');
  checkListQuery(query);
  checkNotTooNew(context, target);
  const selection = parseSelection(resource, query);
  const strategy = context.strategyOf(resource);
  const limit = limitOf(query.get('limit'));
  const token = query.get('continue') ?? '';
  const prefix = resource.namespaced && target.namespace !== undefined ? `${target.namespace}/` : '';

  const page = token === '' ? undefined : snapshots.resume(token, resource.collection, prefix);
  const revision = page?.revision ?? context.objects.revision;
  const all = page?.rest ?? context.objects.collection(resource.collection).list(prefix);
  if (!context.objects.isSettled) await context.objects.settled();
  const chosen: StoredObject[] = [];
  let index = 0;
  for (; index < all.length && (limit === 0 || chosen.length < limit); index++) {
    const stored = all[index];
    if (stored !== undefined && selects(selection, stored.object, resource, strategy)) chosen.push(stored);
  }
  const rest = all.slice(index);
  let metadata: ListMetadata = { resourceVersion: String(revision) };
  if (rest.length > 0) {
    const next = snapshots.keep({
      collection: resource.collection,
      prefix,
      revision,
      last: all[index - 1]?.key ?? '',
      rest,
    });
    metadata = { ...metadata, continue: next, ...(selection.everything ? { remainingItemCount: rest.length } : {}) };
  }
  return respond(200, renderList(resource, chosen, metadata, options), options.format);
}

/** A limit below zero is none. */
function limitOf(text: string | null): number {
  if (text === null || text === '') return 0;
  if (!/^[+-]?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Math.max(0, Number(text));
}

function checkListQuery(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? '';
  const version = query.get('resourceVersion') ?? '';
  const causes = [];
  if (match !== '' && version === '') {
    causes.push(
      cause.forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
    );
  }
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    causes.push(cause.notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', ''], 'given'));
  }
  if (match === 'Exact' && version === '0') {
    causes.push(
      cause.forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
    );
  }
  if (query.get('sendInitialEvents') !== null && query.get('sendInitialEvents') !== 'false') {
    causes.push(cause.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  if (causes.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions', name: '' }, causes);
  if (match === 'Exact') return;
  if (version !== '' && (query.get('continue') ?? '') !== '' && version !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
}

/** The asked resourceVersion as a number; throws a 400 or 504 when it cannot be served. */
export function checkNotTooNew(
  context: ApiContext,
  target: Target,
  kind: 'read' | 'watch' = 'read',
): number | undefined {
  const text = target.query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (!/^\d+$/.test(text)) {
    const quoted = JSON.stringify(text);
    const problem = `resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: invalid syntax`;
    throw kind === 'watch' ? plainError(problem) : badRequest(`invalid resource version: ${problem}`);
  }
  const version = Number(text);
  const current = context.objects.revision;
  if (version > current) {
    throw new StatusError({
      code: 504,
      reason: 'Timeout',
      message: `Timeout: Too large resource version: ${version}, current: ${current}`,
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    });
  }
  const exact = target.query.get('resourceVersionMatch') === 'Exact';
  if (exact && version !== current && target.resource !== undefined) {
    const collection = context.objects.collection(target.resource.collection);
    const changed = collection.eventsAfter(version);
    if (changed === undefined || changed.length > 0) {
      throw expired(`The resourceVersion for the provided list is too old.`);
    }
  }
  return version;
}
