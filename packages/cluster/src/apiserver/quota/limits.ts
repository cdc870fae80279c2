/** Limit ranges: what pods get without saying, and what they may ask for. Source: plugin/pkg/admission/limitranger. */

import type { AnyObject } from '@towpath/api';
import { getIn, isRecord, type UnknownRecord } from '@towpath/kit';
import type { AdmissionRequest } from '../handlers/context.ts';
import { cause, forbidden, type StatusCause } from '../http/status.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { podSpecOf, qosClass } from '../strategies/pod.ts';
import type { Strategy } from '../strategies/strategy.ts';
import { amountsOf, amountText, type Amounts } from './amounts.ts';
import { podResources } from './usage.ts';

const annotation = 'kubernetes.io/limit-ranger';

function records(value: unknown): UnknownRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function limitsOf(range: AnyObject): UnknownRecord[] {
  return records(getIn(range, ['spec', 'limits']));
}

/** Strategy of limit ranges: what is not said follows from what is. */
export const limitRange: Strategy = {
  defaults(object) {
    for (const limit of limitsOf(object)) {
      if (limit['type'] !== 'Container') continue;
      const most = textMap(limit['max']);
      const given = { ...most, ...textMap(limit['default']) };
      const requested = { ...textMap(limit['min']), ...given, ...textMap(limit['defaultRequest']) };
      if (Object.keys(given).length > 0) limit['default'] = given;
      if (Object.keys(requested).length > 0) limit['defaultRequest'] = requested;
    }
  },
  validate: (object) => {
    const seen = new Set<unknown>();
    return limitsOf(object).flatMap((limit, index) => {
      const at = `spec.limits[${index}]`;
      const { type } = limit;
      const twice = seen.has(type) ? [cause.duplicate(`${at}.type`, type)] : [];
      seen.add(type);
      const onPods = (['default', 'defaultRequest'] as const)
        .filter((part) => type === 'Pod' && Object.keys(textMap(limit[part])).length > 0)
        .map((part) => cause.forbidden(`${at}.${part}`, "may not be specified when `type` is 'Pod'"));
      return [...twice, ...onPods, ...orderProblems(limit, at)];
    });
  },
};

/** The smaller of two parts, the larger, whose value is shown, and what the smaller is called. */
const orders = [
  ['min', 'max', 'min', 'min', 'max'],
  ['min', 'defaultRequest', 'defaultRequest', 'min', 'default request'],
  ['defaultRequest', 'max', 'defaultRequest', 'default request', 'max'],
  ['defaultRequest', 'default', 'defaultRequest', 'default request', 'default limit'],
  ['min', 'default', 'default', 'min', 'default'],
  ['default', 'max', 'default', 'default', 'max'],
] as const;
/** Where a real server shows the other value. */
const shownInstead: Readonly<Record<string, 'max' | 'min'>> = { 'min default': 'min', 'default max': 'max' };

function orderProblems(limit: UnknownRecord, at: string): StatusCause[] {
  const parts = Object.fromEntries(
    ['min', 'max', 'default', 'defaultRequest'].map((part) => [part, amountsOf(limit[part])]),
  );
  const names = new Set(Object.values(parts).flatMap((amounts) => [...amounts.keys()]));
  return [...names].flatMap((name) =>
    orders.flatMap(([smaller, larger, field, smallerName, largerName]) => {
      const [low, high] = [parts[smaller]?.get(name), parts[larger]?.get(name)];
      if (low === undefined || high === undefined || low.nanos <= high.nanos) return [];
      const shown = parts[shownInstead[`${smaller} ${larger}`] ?? field]?.get(name) ?? low;
      const why = `${smallerName} value ${amountText(low)} is greater than ${largerName} value ${amountText(high)}`;
      return [cause.invalid(`${at}.${field}[${name}]`, amountText(shown), why)];
    }),
  );
}

function textMap(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function rangesFor(objects: ObjectStore, { namespace }: AdmissionRequest): AnyObject[] {
  return objects
    .collection('core/limitranges')
    .list(`${namespace ?? ''}/`)
    .map(({ object }) => object);
}

/** Gives the containers of a new pod what they do not say. */
export function applyLimitDefaults(objects: ObjectStore, request: AdmissionRequest): void {
  const { object, operation, resource, subresource } = request;
  if (object === undefined || operation !== 'CREATE' || subresource !== undefined) return;
  if (resource.collection !== 'core/pods') return;
  for (const range of rangesFor(objects, request)) {
    const defaults = limitsOf(range).filter(({ type }) => type === 'Container');
    const requests = Object.assign({}, ...defaults.map((limit) => textMap(limit['defaultRequest']))) as UnknownRecord;
    const limits = Object.assign({}, ...defaults.map((limit) => textMap(limit['default']))) as UnknownRecord;
    const notes = (['containers', 'initContainers'] as const).flatMap((list) =>
      records(getIn(object, ['spec', list])).flatMap((container) =>
        fillContainer(container, { requests, limits, kind: list === 'containers' ? 'container' : 'init container' }),
      ),
    );
    if (notes.length === 0) continue;
    const text = `LimitRanger plugin set: ${notes.join('; ')}`;
    object.metadata.annotations = { ...object.metadata.annotations, [annotation]: text };
    object['status'] = { ...textMap(object['status']), qosClass: qosClass(podSpecOf(object)) };
  }
}

function fillContainer(
  container: UnknownRecord,
  given: { requests: UnknownRecord; limits: UnknownRecord; kind: string },
): string[] {
  const resources = isRecord(container['resources']) ? container['resources'] : {};
  const notes: string[] = [];
  for (const [part, word] of [
    ['requests', 'request'],
    ['limits', 'limit'],
  ] as const) {
    const own = textMap(resources[part]);
    const added = Object.keys(given[part]).filter((name) => own[name] === undefined);
    if (added.length === 0) continue;
    resources[part] = { ...own, ...Object.fromEntries(added.map((name) => [name, given[part][name]])) };
    notes.push(`${added.toSorted().join(', ')} ${word} for ${given.kind} ${String(container['name'])}`);
  }
  container['resources'] = resources;
  return notes;
}

/** Throws 403 for a pod or claim outside of a range. */
export function checkLimits(objects: ObjectStore, request: AdmissionRequest): void {
  const { object, operation, resource, subresource } = request;
  if (object === undefined || subresource !== undefined) return;
  const isPod = resource.collection === 'core/pods' && operation === 'CREATE';
  const isClaim = resource.collection === 'core/persistentvolumeclaims';
  if (!isPod && !isClaim) return;
  const problems = rangesFor(objects, request).flatMap((range) =>
    limitsOf(range).flatMap((limit) => (isPod ? podProblems(limit, object) : claimProblems(limit, object))),
  );
  if (problems.length === 0) return;
  const why = problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`;
  throw forbidden(resource, object.metadata.name, why);
}

function podProblems(limit: UnknownRecord, pod: AnyObject): string[] {
  if (limit['type'] === 'Pod')
    return bounds(limit, 'Pod', { requests: podResources(pod, 'requests'), limits: podResources(pod, 'limits') });
  if (limit['type'] !== 'Container') return [];
  const containers = [
    ...records(getIn(pod, ['spec', 'containers'])),
    ...records(getIn(pod, ['spec', 'initContainers'])),
  ];
  return containers.flatMap((container) =>
    bounds(limit, 'Container', {
      requests: amountsOf(getIn(container, ['resources', 'requests'])),
      limits: amountsOf(getIn(container, ['resources', 'limits'])),
    }),
  );
}

function claimProblems(limit: UnknownRecord, claim: AnyObject): string[] {
  if (limit['type'] !== 'PersistentVolumeClaim') return [];
  const requests = amountsOf(getIn(claim, ['spec', 'resources', 'requests']));
  // Claims have no limits: what they request is held against the maximum.
  return bounds(limit, 'PersistentVolumeClaim', { requests, limits: new Map() });
}

interface Asked {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

function bounds(limit: UnknownRecord, type: string, asked: Asked): string[] {
  return [
    ...[...amountsOf(limit['min'])].flatMap(([name, least]) => {
      const head = `minimum ${name} usage per ${type} is ${amountText(least)}`;
      const [request, most] = [asked.requests.get(name), asked.limits.get(name)];
      if (request === undefined) return [`${head}.  No request is specified`];
      if (request.nanos < least.nanos) return [`${head}, but request is ${amountText(request)}`];
      return most !== undefined && most.nanos < least.nanos ? [`${head}, but limit is ${amountText(most)}`] : [];
    }),
    ...[...amountsOf(limit['max'])].flatMap(([name, most]) => {
      const head = `maximum ${name} usage per ${type} is ${amountText(most)}`;
      const [request, own] = [asked.requests.get(name), asked.limits.get(name)];
      const isClaim = type === 'PersistentVolumeClaim';
      if (!isClaim && own === undefined) return [`${head}.  No limit is specified`];
      if (isClaim && request === undefined) return [`${head}.  No request is specified`];
      if (own !== undefined && own.nanos > most.nanos) return [`${head}, but limit is ${amountText(own)}`];
      return request !== undefined && request.nanos > most.nanos
        ? [`${head}, but request is ${amountText(request)}`]
        : [];
    }),
    ...[...amountsOf(limit['maxLimitRequestRatio'])].flatMap(([name, most]) => ratio(name, type, { ...asked, most })),
  ];
}

function ratio(
  name: string,
  type: string,
  { requests, limits, most }: Asked & { most: { nanos: bigint; isBinary: boolean } },
): string[] {
  const head = `${name} max limit to request ratio per ${type} is ${amountText(most)}`;
  const [request, limit] = [requests.get(name)?.nanos ?? 0n, limits.get(name)?.nanos ?? 0n];
  if (request === 0n) return [`${head}, but no request is specified or request is 0`];
  if (limit === 0n) return [`${head}, but no limit is specified or limit is 0`];
  const found = Number(limit) / Number(request);
  return found > Number(most.nanos) / 1e9 ? [`${head}, but provided ratio is ${found.toFixed(6)}`] : [];
}
