/** Bindings and evictions of pods. */

import { setCondition, type AnyObject, type Condition } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import { jsonResponse, type ApiResponse } from '../http/message.ts';
import { badRequest, conflict, plainError, type Status } from '../http/status.ts';
import type { ApiContext, Target } from '../handlers/context.ts';
import { decodeBody } from '../handlers/decode.ts';
import { deleteObject } from '../handlers/delete.ts';
import { writeOptionsOf } from '../handlers/dispatch.ts';
import { updateObject } from '../handlers/write.ts';
import { takeDisruption } from './disruption.ts';

const success: Omit<Status, 'code'> & { code: number } = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  code: 201,
};

/** Answers POST of a Binding: the scheduler's decision. */
export async function bindPod(context: ApiContext, target: Target): Promise<ApiResponse> {
  const options = writeOptionsOf(target);
  const body = decodeBody(target.body, target.headers['content-type'], context.registry.types);
  const node = getIn(body, ['target', 'name']);
  if (typeof node !== 'string' || node === '') throw plainError('target.name: Required value');
  const metadata = isRecord(body['metadata']) ? body['metadata'] : {};
  const name = target.name === '' ? String(metadata['name'] ?? '') : target.name;
  const pods = context.registry.find('', 'v1', 'pods') ?? target.resource;
  const podTarget: Target = { ...target, resource: pods, name, subresource: 'binding' };
  // Nobody manages what a binding sets.
  const write = { ...options, keepManagedFields: true };
  await updateObject(context, podTarget, (pod) => boundPod(context, pod, { node, metadata, name }), write);
  return jsonResponse(201, success);
}

function boundPod(
  context: ApiContext,
  pod: AnyObject,
  binding: { node: string; metadata: UnknownRecord; name: string },
): UnknownRecord {
  const spec = isRecord(pod['spec']) ? pod['spec'] : {};
  const resource = { group: '', plural: 'pods/binding' };
  if (pod.metadata.deletionTimestamp !== undefined)
    throw conflict(resource, binding.name, `pod ${binding.name} is being deleted, cannot be assigned to a host`);
  if ((spec['nodeName'] ?? '') !== '')
    throw conflict(
      resource,
      binding.name,
      `pod ${binding.name} is already assigned to node "${String(spec['nodeName'])}"`,
    );
  const gates = spec['schedulingGates'];
  if (Array.isArray(gates) && gates.length > 0)
    throw conflict(resource, binding.name, `pod ${binding.name} has non-empty .spec.schedulingGates`);
  const status = isRecord(pod['status']) ? pod['status'] : {};
  const conditions = setCondition(
    status['conditions'] as Condition[] | undefined,
    { type: 'PodScheduled', status: 'True' },
    context.clock.nowMs(),
  );
  const annotations = isRecord(binding.metadata['annotations']) ? binding.metadata['annotations'] : undefined;
  const metadata =
    annotations === undefined
      ? pod.metadata
      : { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...annotations } };
  return { ...pod, metadata, spec: { ...spec, nodeName: binding.node }, status: { ...status, conditions } };
}

/** Answers POST of an Eviction: a deletion that respects disruption budgets. */
export async function evictPod(context: ApiContext, target: Target): Promise<ApiResponse> {
  const body = decodeBody(target.body, target.headers['content-type'], context.registry.types);
  const named = getIn(body, ['metadata', 'name']);
  if (typeof named === 'string' && named !== '' && named !== target.name)
    throw badRequest('name in URL does not match name in Eviction object');
  const wanted = isRecord(body['deleteOptions']) ? body['deleteOptions'] : {};
  const asked = writeOptionsOf(target);
  const dryRun = wanted['dryRun'];
  const options = { ...asked, dryRun: asked.dryRun || (Array.isArray(dryRun) && dryRun.includes('All')) };
  await takeDisruption(context, target, options);
  const grace = wanted['gracePeriodSeconds'];
  const preconditions = isRecord(wanted['preconditions']) ? wanted['preconditions'] : {};
  if (!options.dryRun) {
    const status = { ...target, subresource: 'status' };
    await updateObject(context, status, (pod) => disrupted(context, pod, preconditions['uid']), {
      ...options,
      keepManagedFields: true,
    });
  }
  await deleteObject(
    context,
    { ...target, subresource: undefined },
    {
      dryRun: options.dryRun,
      ...(typeof grace === 'number' ? { gracePeriodSeconds: grace } : {}),
      ...(typeof preconditions['uid'] === 'string' ? { uid: preconditions['uid'] } : {}),
    },
  );
  return jsonResponse(201, success);
}

/** The pod with the condition that tells its controller who ended it; one with another uid than wanted stays as it is. */
function disrupted(context: ApiContext, pod: AnyObject, uid: unknown): UnknownRecord {
  if (typeof uid === 'string' && uid !== pod.metadata.uid) return pod;
  const status = isRecord(pod['status']) ? pod['status'] : {};
  const [reason, message] = ['EvictionByEvictionAPI', 'Eviction API: evicting'];
  const condition = { type: 'DisruptionTarget', status: 'True', reason, message } as const;
  const before = status['conditions'] as Condition[] | undefined;
  return { ...pod, status: { ...status, conditions: setCondition(before, condition, context.clock.nowMs()) } };
}
