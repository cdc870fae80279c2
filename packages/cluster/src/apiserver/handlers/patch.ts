/** Patches: JSON, merge and strategic merge; server-side apply has a file of its own. */

import { jsonMergePatch, strategicMergePatch, mergeSchemaFor, applyJsonPatch, type AnyObject } from '@towpath/api';
import { isRecord, messageOf, TowpathError, type UnknownRecord } from '@towpath/kit';
import { badRequest, StatusError } from '../http/status.ts';
import type { Resource } from '../resources/resource.ts';
import { goJsonError, maxBodyBytes, parseYamlBody, tooLarge } from './decode.ts';
import type { Target } from './context.ts';

export type PatchKind = 'json' | 'merge' | 'strategic' | 'apply';

const kinds: Readonly<Record<string, PatchKind>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** What kind of patch the body is. Throws 415 for kinds the resource does not take. */
export function patchKindOf(target: Target): PatchKind {
  const mediaType = (target.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const kind = kinds[mediaType];
  if (kind !== undefined && !(kind === 'strategic' && target.resource.custom !== undefined)) return kind;
  const accepted = Object.entries(kinds)
    .filter(([, value]) => value !== 'strategic' || target.resource.custom === undefined)
    .map(([type]) => type);
  const message =
    kind === undefined
      ? '415: Unsupported Media Type'
      : `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  const details = kind === undefined ? { details: {} } : {};
  throw new StatusError({ code: 415, reason: 'UnsupportedMediaType', message, ...details });
}

/** The parsed body of a patch. Apply patches may be YAML. */
export function patchBodyOf(target: Target, kind: PatchKind): unknown {
  const { body } = target;
  if (body === undefined || body.length === 0) throw badRequest('the patch is empty');
  if (body.length > maxBodyBytes) throw tooLarge();
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  return kind === 'apply' ? parseYamlBody(text) : parsePatch(text);
}

function parsePatch(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`error decoding patch: ${goJsonError(text, messageOf(error))}`);
  }
}

/** Applies a patch to the current object. Throws 400 or 422 when it does not fit. */
export function applyPatch(
  current: AnyObject,
  patch: unknown,
  kind: Exclude<PatchKind, 'apply'>,
  resource: Resource,
): UnknownRecord {
  const patched = patchedBy(current, patch, kind, resource);
  if (!isRecord(patched)) throw badRequest('the patched object is not an object');
  return patched;
}

function patchedBy(current: AnyObject, patch: unknown, kind: Exclude<PatchKind, 'apply'>, resource: Resource): unknown {
  switch (kind) {
    case 'merge':
      if (!isRecord(patch)) {
        const found = Array.isArray(patch) ? 'array' : typeof patch;
        throw badRequest(
          `error decoding patch: json: cannot unmarshal ${found} into Go value of type map[string]interface {}`,
        );
      }
      return jsonMergePatch(current, patch);
    case 'json':
      return jsonPatched(current, patch);
    case 'strategic': {
      if (!isRecord(patch)) throw badRequest('a strategic merge patch must be an object');
      const schema = mergeSchemaFor({ apiVersion: resource.apiVersion, kind: resource.kind });
      try {
        return strategicMergePatch(current, patch, schema);
      } catch (error) {
        if (error instanceof TowpathError) throw badRequest(error.message);
        throw error;
      }
    }
  }
}

function jsonPatched(current: AnyObject, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    const found = isRecord(patch) ? 'object' : typeof patch;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${found} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  try {
    return applyJsonPatch(current, patch);
  } catch (error) {
    if (!(error instanceof TowpathError)) throw error;
    // The real server does not say what was wrong.
    const message = 'the server rejected our request due to an error in our request';
    throw new StatusError({ code: 422, reason: 'Invalid', message, details: {} });
  }
}
