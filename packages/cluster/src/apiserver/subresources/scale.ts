/** The scale subresource: `autoscaling/v1` Scale of workloads and custom resources. */

import { requirementsOf, type AnyObject, type LabelSelector, type SelectorRequirement } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import type { ApiResponse } from '../http/message.ts';
import { badRequest, notFound, type StatusCause } from '../http/status.ts';
import { cause, invalid } from '../http/status.ts';
import { storageKey, type ApiContext, type Target } from '../handlers/context.ts';
import { checkKind, decodeBody } from '../handlers/decode.ts';
import { writeOptionsOf } from '../handlers/dispatch.ts';
import { applyPatch, patchBodyOf, patchKindOf } from '../handlers/patch.ts';
import { renderOptionsOf } from '../handlers/read.ts';
import { respond, warningHeaders } from '../handlers/render.ts';
import { applyObject } from '../handlers/apply.ts';
import type { Written } from '../handlers/store-object.ts';
import { updateObject, type WriteOptions } from '../handlers/write.ts';
import { convert } from '../resources/convert.ts';
import type { Resource } from '../resources/resource.ts';

interface ScalePaths {
  readonly spec: readonly string[];
  readonly status: readonly string[];
  /** Of a selector as text, or of a LabelSelector. */
  readonly selector: readonly string[] | undefined;
}

function pathsOf(resource: Resource): ScalePaths {
  const custom = resource.custom?.scale;
  const split = (path: string): string[] => path.replace(/^\./, '').split('.');
  if (custom === undefined)
    return { spec: ['spec', 'replicas'], status: ['status', 'replicas'], selector: ['spec', 'selector'] };
  return {
    spec: split(custom.specReplicasPath),
    status: split(custom.statusReplicasPath),
    selector: custom.labelSelectorPath === undefined ? undefined : split(custom.labelSelectorPath),
  };
}

/** A selector as `labelSelector` text. */
function selectorTextOf(selector: unknown): string {
  if (typeof selector === 'string') return selector;
  if (!isRecord(selector)) return '';
  const isFlat = selector['matchLabels'] === undefined && selector['matchExpressions'] === undefined;
  const requirements = requirementsOf(
    isFlat ? { matchLabels: selector as Record<string, string> } : (selector as LabelSelector),
  );
  return requirements.map(requirementText).join(',');
}

function requirementText({ key, operator, values }: SelectorRequirement): string {
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  if (operator === 'In') return values.length === 1 ? `${key}=${values[0] ?? ''}` : `${key} in (${values.join(',')})`;
  return `${key} notin (${values.join(',')})`;
}

/** The Scale of an object. */
function scaleOf(object: AnyObject, resource: Resource): AnyObject {
  const paths = pathsOf(resource);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.selector === undefined ? '' : selectorTextOf(getIn(object, paths.selector));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: zeroless('replicas', getIn(object, paths.spec)),
    status: { replicas: Number(getIn(object, paths.status) ?? 0), ...(selector === '' ? {} : { selector }) },
  };
}

function zeroless(name: string, value: unknown): UnknownRecord {
  return value === undefined || value === 0 ? {} : { [name]: value };
}

/** Answers get, update and patch of a scale. */
export async function handleScale(context: ApiContext, target: Target, verb: string): Promise<ApiResponse> {
  const { resource } = target;
  const { format } = renderOptionsOf(context, target);
  if (verb === 'get') {
    const key = storageKey(resource, target.namespace, target.name);
    const stored = context.objects.collection(resource.collection).get(key);
    if (stored === undefined) throw notFound(resource, target.name);
    return respond(200, JSON.stringify(scaleOf(stored.object, resource)), format);
  }
  const options = writeOptionsOf(target);
  const written = isApply(target, verb)
    ? await applyScale(context, target, options)
    : await updateObject(context, target, (current) => withScale(context, target, verb, current), options);
  const object = convert(written.object, resource.apiVersion);
  return respond(200, JSON.stringify(scaleOf(object, resource)), format, warningHeaders(options.warnings));
}

function withScale(context: ApiContext, target: Target, verb: string, current: AnyObject): UnknownRecord {
  const { resource } = target;
  const before = scaleOf(current, resource);
  const scale = verb === 'update' ? decodedScale(context, target) : patchedScale(context, target, before);
  const replicas = getIn(scale, ['spec', 'replicas']) ?? 0;
  refuseWrong(target, replicas);
  const { resourceVersion, uid, name } = isRecord(scale['metadata']) ? scale['metadata'] : {};
  if (typeof name === 'string' && name !== target.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${target.name})`);
  const next = structuredClone(current);
  setIn(next, pathsOf(resource).spec, replicas);
  if (typeof resourceVersion === 'string') next.metadata.resourceVersion = resourceVersion;
  if (typeof uid === 'string') next.metadata.uid = uid;
  return next;
}

function isApply(target: Target, verb: string): boolean {
  return verb === 'patch' && patchKindOf(target) === 'apply';
}

/** The manager of a scale owns the replicas of the object behind it. */
function applyScale(context: ApiContext, target: Target, options: WriteOptions): Promise<Written> {
  const body = patchBodyOf(target, 'apply');
  const { apiVersion, kind } = target.resource;
  const config: UnknownRecord = { apiVersion, kind, metadata: { name: target.name } };
  const replicas = getIn(body, ['spec', 'replicas']);
  if (replicas !== undefined) {
    refuseWrong(target, replicas);
    setIn(config, pathsOf(target.resource).spec, replicas);
  }
  return applyObject(context, target, config, options);
}

function decodedScale(context: ApiContext, target: Target): UnknownRecord {
  const body = decodeBody(target.body, target.headers['content-type'], context.registry.types);
  checkKind(body, { apiVersion: 'autoscaling/v1', kind: 'Scale' });
  return body;
}

function patchedScale(context: ApiContext, target: Target, before: AnyObject): UnknownRecord {
  const kind = patchKindOf(target);
  if (kind === 'apply') throw badRequest('an apply is no patch of the current scale');
  const scale = context.registry.types.forKind('autoscaling', 'v1', 'Scale');
  const shape = {
    ...target.resource,
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    ...(scale === undefined ? {} : { schema: scale }),
  };
  return applyPatch(before, patchBodyOf(target, kind), kind, shape);
}

function refuseWrong(target: Target, replicas: unknown): void {
  const causes: StatusCause[] = [];
  if (typeof replicas !== 'number' || !Number.isInteger(replicas))
    throw badRequest('spec.replicas of a scale must be a whole number');
  if (replicas < 0) causes.push(cause.invalid('spec.replicas', replicas, 'must be greater than or equal to 0'));
  if (causes.length > 0) throw invalid({ group: 'autoscaling', kind: 'Scale', name: target.name }, causes);
}

function setIn(object: UnknownRecord, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    object[name] = value;
    return;
  }
  const inner = object[name];
  const record = isRecord(inner) ? inner : {};
  object[name] = record;
  setIn(record, rest, value);
}
