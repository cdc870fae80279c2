/** Resource requests: from the routed request to the handler of its verb. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import type { ApiResponse } from '../http/message.ts';
import { badRequest, cause, invalid, methodNotAllowed, type Status, type StatusCause } from '../http/status.ts';
import type { ApiContext, Target } from './context.ts';
import { checkKind, decodeBody, duplicatesIn, fieldValidationOf, fieldValidationProblems } from './decode.ts';
import { deleteObject, deleteOptionsOf } from './delete.ts';
import { applyObject } from './apply.ts';
import { applyPatch, patchBodyOf, patchKindOf } from './patch.ts';
import { patchRefusal } from './patch-refusal.ts';
import { getObject, listObjects, renderOptionsOf } from './read.ts';
import { renderList, renderObject, respond, warningHeaders } from './render.ts';
import { parseSelection, selects } from './selectors.ts';
import type { ListSnapshots } from './snapshots.ts';
import { watchObjects } from './watch.ts';
import type { Written } from './store-object.ts';
import { createObject, updateObject, type WriteOptions } from './write.ts';

const maxManagerLength = 128;
const unprintable = /\p{Cc}/gu;

/** Options every write reads from its query. */
export function writeOptionsOf(target: Target, kind = 'UpdateOptions'): WriteOptions {
  const { query } = target;
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  const manager = query.get('fieldManager') ?? '';
  const causes = [
    ...(kind === 'PatchOptions' && query.has('force') && patchKindOf(target) !== 'apply'
      ? [cause.forbidden('force', 'may not be specified for non-apply patch')]
      : []),
    ...managerProblems(manager),
    ...(dryRun.some((value) => value !== 'All') ? [cause.notSupported('dryRun', dryRun, ['All'])] : []),
    ...fieldValidationProblems(query),
  ];
  if (causes.length > 0) throw invalid({ group: 'meta.k8s.io', kind, name: '' }, causes);
  return {
    dryRun: dryRun.length > 0,
    fieldManager: manager === '' ? managerFromAgent(target.headers['user-agent']) : manager,
    validation: fieldValidationOf(query),
    warnings: [],
  };
}

function duplicatesOf(target: Target, { validation }: WriteOptions): readonly string[] {
  return duplicatesIn(target.body, target.headers['content-type'], validation);
}

function managerProblems(manager: string): StatusCause[] {
  if (manager.length > maxManagerLength) return [cause.tooLong('fieldManager', maxManagerLength)];
  const at = manager.search(unprintable);
  if (at < 0) return [];
  const code = manager.charCodeAt(at);
  const hex = (digits: number): string => code.toString(16).toUpperCase().padStart(digits, '0');
  const quoted = `"${manager.replace(unprintable, (letter) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
  const message = `Invalid value: ${quoted}: invalid character U+${hex(4)} (at position ${at})`;
  return [{ reason: 'FieldValueInvalid', message, field: 'fieldManager' }];
}

/** Without a field manager, the name of the program is used. */
function managerFromAgent(agent: string | undefined): string {
  return (agent ?? '').split('/', 1)[0]?.slice(0, maxManagerLength) || 'unknown';
}

/** Answers a request for a resource or its status subresource. */
export async function dispatch(
  context: ApiContext,
  target: Target,
  verb: string,
  snapshots: ListSnapshots,
): Promise<ApiResponse> {
  switch (verb) {
    case 'get':
      return getObject(context, target);
    case 'list':
      return listObjects(context, target, snapshots);
    case 'watch':
      return watchObjects(context, target, target.name === '' ? undefined : target.name);
    case 'create':
      return create(context, target);
    case 'update':
      return update(context, target);
    case 'patch':
      return patch(context, target);
    case 'delete':
      return remove(context, target);
    case 'deletecollection':
      return removeAll(context, target);
    default:
      throw methodNotAllowed();
  }
}

/** The answer to a write. */
export function writtenResponse(
  context: ApiContext,
  target: Target,
  written: Written,
  warnings: readonly string[],
): ApiResponse {
  const options = renderOptionsOf(context, target);
  const item = written.stored ?? written;
  const json = renderObject(target.resource, item, options);
  return respond(written.created ? 201 : 200, json, options.format, warningHeaders(warnings));
}

async function create(context: ApiContext, target: Target): Promise<ApiResponse> {
  const options = writeOptionsOf(target, 'CreateOptions');
  renderOptionsOf(context, target);
  const body = decodeBody(target.body, target.headers['content-type'], context.registry.types, target.resource.kind);
  checkKind(body, target.resource, context.registry);
  const written = await createObject(context, target, body, { ...options, duplicates: duplicatesOf(target, options) });
  return writtenResponse(context, target, written, options.warnings);
}

async function update(context: ApiContext, target: Target): Promise<ApiResponse> {
  const options = writeOptionsOf(target);
  const body = decodeBody(target.body, target.headers['content-type'], context.registry.types, target.resource.kind);
  checkKind(body, target.resource, context.registry);
  const strict = { ...options, duplicates: duplicatesOf(target, options) };
  const written = await updateObject(context, target, () => structuredClone(body), strict);
  return writtenResponse(context, target, written, options.warnings);
}

async function patch(context: ApiContext, target: Target): Promise<ApiResponse> {
  const options = writeOptionsOf(target, 'PatchOptions');
  const kind = patchKindOf(target);
  const body = patchBodyOf(target, kind);
  if (kind === 'apply') return applyResponse(context, target, body);
  const produce = (current: AnyObject): UnknownRecord => {
    const patched = applyPatch(current, body, kind, target.resource);
    checkUid(patched, current, target);
    return patched;
  };
  const written = await updateObject(context, target, produce, options).catch((error: unknown) => {
    throw kind === 'strategic' ? patchRefusal(error, body) : error;
  });
  return writtenResponse(context, target, written, options.warnings);
}

/** A patch cannot make another object of it. */
function checkUid(patched: unknown, current: AnyObject, { resource }: Target): void {
  const uid = getIn(patched, ['metadata', 'uid']);
  if (uid === undefined || uid === current.metadata.uid) return;
  const { group, kind } = resource;
  // The real server looks at it in two places.
  const wrong = cause.invalid('metadata.uid', uid, 'field is immutable');
  throw invalid({ group, kind, name: current.metadata.name }, [wrong, wrong]);
}

async function applyResponse(context: ApiContext, target: Target, body: unknown): Promise<ApiResponse> {
  const options = writeOptionsOf(target, 'PatchOptions');
  const duplicates = duplicatesOf(target, options);
  if (duplicates.length > 0 && options.validation === 'Strict') {
    throw badRequest(`error strict decoding YAML: yaml: unmarshal errors:\n  ${duplicates.join('\n  ')}`);
  }
  options.warnings.push(...duplicates);
  const written = await applyObject(context, target, body, options);
  return writtenResponse(context, target, written, options.warnings);
}

const orphanWarning =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';

async function remove(context: ApiContext, target: Target): Promise<ApiResponse> {
  const options = deleteOptionsOf(target, context);
  const { format, ...rest } = renderOptionsOf(context, target);
  const deleted = await deleteObject(context, target, options);
  const warnings = warningHeaders(options.isKindDefault === true ? [orphanWarning] : []);
  if (deleted.stored !== undefined || answersWithObject(target)) {
    const item = deleted.stored ?? deleted;
    return respond(200, renderObject(target.resource, item, { format, ...rest }), format, warnings);
  }
  const { group, plural } = target.resource;
  const status: Omit<Status, 'code'> = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: target.name,
      ...(group === '' ? {} : { group }),
      kind: plural,
      ...(deleted.object.metadata.uid === undefined ? {} : { uid: deleted.object.metadata.uid }),
    },
  };
  return respond(200, JSON.stringify(status), { ...format, shape: 'object' });
}

/** Pods, services and service accounts come back in the answer to their deletion. */
function answersWithObject(target: Target): boolean {
  return ['core/pods', 'core/services', 'core/serviceaccounts'].includes(target.resource.collection);
}

async function removeAll(context: ApiContext, target: Target): Promise<ApiResponse> {
  const { resource } = target;
  const options = deleteOptionsOf(target, context);
  const render = renderOptionsOf(context, target);
  const selection = parseSelection(resource, target.query);
  const prefix = resource.namespaced && target.namespace !== undefined ? `${target.namespace}/` : '';
  const strategy = context.strategyOf(resource);
  const chosen = context.objects
    .collection(resource.collection)
    .list(prefix)
    .filter((stored) => selects(selection, stored.object, resource, strategy));
  for (const { object } of chosen) {
    const one = { ...target, name: object.metadata.name, namespace: object.metadata.namespace };
    try {
      await deleteObject(context, one, options);
    } catch (error) {
      // Somebody else deleted it first: that is what was asked for.
      if (!isGone(error)) throw error;
    }
  }
  const metadata = { resourceVersion: String(context.objects.revision) };
  return respond(200, renderList(resource, chosen, metadata, render), render.format);
}

function isGone(error: unknown): boolean {
  const status = isRecord(error) ? error['status'] : undefined;
  return isRecord(status) && status['code'] === 404;
}
