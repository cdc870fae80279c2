/** Server-side apply as a request: creates or updates through the same path as every other write. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import { applyConfiguration, checkApply, type ApplyRequest } from '../fields/apply.ts';
import { badRequest, cause, conflict, invalid, notFound, plainError } from '../http/status.ts';
import { storageKey, type ApiContext, type Target } from './context.ts';
import type { Resource } from '../resources/resource.ts';
import { canonicalise } from './decode.ts';
import type { Written } from './store-object.ts';
import { createObject, updateObject, type WriteOptions } from './write.ts';

/** Applies a configuration. Throws 409 with the conflicting fields. */
export async function applyObject(
  context: ApiContext,
  target: Target,
  body: unknown,
  options: WriteOptions,
): Promise<Written> {
  const { resource, query } = target;
  const given = checkApply(body, target);
  checkAppliedKind(given, resource);
  const config = canonicalConfig(given, target);
  const force = query.get('force') === 'true' || query.get('force') === '1';
  const request: ApplyRequest = { target, manager: options.fieldManager, force, nowMs: context.clock.nowMs() };
  const write: WriteOptions = { ...options, validation: 'Ignore', keepManagedFields: true };
  const exists = context.objects
    .collection(resource.collection)
    .get(storageKey(resource, target.namespace, target.name));
  if (exists !== undefined) {
    const produce = (current: AnyObject): UnknownRecord => {
      checkAppliedUid(config, current, resource);
      return applyConfiguration(current, config, request);
    };
    return updateObject(context, target, produce, write);
  }
  if (target.subresource !== undefined) throw notFound(resource, target.name);
  const uid = getIn(config, ['metadata', 'uid']);
  if (typeof uid === 'string' && uid !== '') {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(resource, target.name, why);
  }
  // The version of what is not there says nothing.
  if (isRecord(config['metadata'])) delete config['metadata']['resourceVersion'];
  return createObject(context, target, applyConfiguration(undefined, config, request), write);
}

/** An apply cannot make another object of it. */
function checkAppliedUid(config: UnknownRecord, current: AnyObject, { group, kind }: Resource): void {
  const uid = getIn(config, ['metadata', 'uid']);
  if (uid === undefined || uid === '' || uid === current.metadata.uid) return;
  const wrong = cause.invalid('metadata.uid', uid, 'field is immutable');
  throw invalid({ group, kind, name: current.metadata.name }, [wrong, wrong]);
}

/** Throws unless a configuration says exactly what it is. */
function checkAppliedKind({ apiVersion, kind }: UnknownRecord, expected: Resource): void {
  if (apiVersion === expected.apiVersion && kind === expected.kind) return;
  const given = String(apiVersion ?? '');
  const named = given.includes('/') ? given : `/${given}`;
  throw badRequest(`invalid object type: ${named}, Kind=${String(kind ?? '')}`);
}

/** The configuration with values as they are stored, and nothing that it does not say. */
function canonicalConfig(config: UnknownRecord, target: Target): UnknownRecord {
  const { resource } = target;
  const unknown: string[] = [];
  const object = canonicalise(structuredClone(config), resource, { validation: 'Warn', warnings: unknown });
  const [first] = unknown;
  if (first !== undefined) {
    const path = /"(.*)"/.exec(first)?.[1] ?? '';
    const version = resource.group === '' ? `/${resource.apiVersion}` : resource.apiVersion;
    const kind = `/${target.name}; ${version}, Kind=${resource.kind}`;
    throw plainError(`failed to create typed patch object (${kind}): .${path}: field not declared in schema`);
  }
  return asSaid(object, config) as UnknownRecord;
}

function asSaid(canonical: unknown, said: unknown): unknown {
  if (Array.isArray(canonical) && Array.isArray(said)) return canonical.map((item, index) => asSaid(item, said[index]));
  if (!isRecord(canonical) || !isRecord(said)) return canonical;
  const names = Object.keys(said).filter((name) => canonical[name] !== undefined || said[name] === null);
  return Object.fromEntries(
    names.map((name) => [name, said[name] === null ? null : asSaid(canonical[name], said[name])]),
  );
}
