/** Writes corev1 Events, repeating ones as a count, the way client-go's recorder does. */

import { createHash } from 'node:crypto';
import { Events, type Event, type KubeObject } from '@towpath/api';
import { messageOf, silentLogger, toTimestamp, type Clock, type Logger } from '@towpath/kit';
import { isNotFound } from './api-error.ts';
import type { Client } from './client.ts';

export interface EventInput {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** e.g. `spec.containers{server}` */
  readonly fieldPath?: string;
}

/** Never rejects: an event that cannot be written is logged and dropped. */
export interface Recorder {
  event(object: KubeObject, input: EventInput): Promise<void>;
}

export interface RecorderOptions {
  readonly client: Client;
  /** e.g. `flagger`; shown in the FROM column of describe. */
  readonly component: string;
  /** The node, for the kubelet's events. */
  readonly host?: string;
  readonly clock: Clock;
  readonly log?: Logger;
}

/** Repeats older than this start a new Event (client-go: 10 minutes). */
const aggregationWindowMs = 10 * 60_000;
const rememberedEvents = 4096;

interface Remembered {
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastMs: number;
}

/** Source: client-go tools/record, EventAggregator and eventLogger (count, firstTimestamp, lastTimestamp). */
export function createRecorder(options: RecorderOptions): Recorder {
  const seen = new Map<string, Remembered>();
  // Events of one recorder are written one after another, so that their order is the order of the calls.
  let last: Promise<void> = Promise.resolve();
  return {
    event(object, input) {
      const turn = last.then(() => write(options, seen, object, input));
      last = turn;
      return turn;
    },
  };
}

async function write(
  options: RecorderOptions,
  seen: Map<string, Remembered>,
  object: KubeObject,
  input: EventInput,
): Promise<void> {
  const { client, clock } = options;
  const nowMs = clock.nowMs();
  const identity = JSON.stringify([object.metadata.uid, input.fieldPath, input.type, input.reason, input.message]);
  const known = seen.get(identity);
  try {
    if (known !== undefined && nowMs - known.lastMs < aggregationWindowMs) {
      if (await repeat(client, known, nowMs)) return;
    }
    const event = newEvent(options, object, input, nowMs, identity);
    const namespace = event.metadata.namespace ?? 'default';
    if (seen.size >= rememberedEvents) seen.delete(seen.keys().next().value ?? '');
    seen.set(identity, { name: event.metadata.name, namespace, count: 1, lastMs: nowMs });
    await client.create(Events, event);
  } catch (error) {
    (options.log ?? silentLogger).debug('event not written', { reason: input.reason, error: messageOf(error) });
  }
}

async function repeat(client: Client, known: Remembered, nowMs: number): Promise<boolean> {
  known.count++;
  known.lastMs = nowMs;
  try {
    const patch = { count: known.count, lastTimestamp: toTimestamp(nowMs) };
    await client.patch(Events, { namespace: known.namespace, name: known.name }, patch, { kind: 'merge' });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

function newEvent(
  options: RecorderOptions,
  object: KubeObject,
  input: EventInput,
  nowMs: number,
  identity: string,
): Event {
  const { metadata, apiVersion, kind } = object;
  const namespace = metadata.namespace ?? 'default';
  const suffix = createHash('sha1').update(`${identity}${nowMs}`).digest('hex').slice(0, 16);
  const timestamp = toTimestamp(nowMs);
  const source = { component: options.component, ...(options.host !== undefined && { host: options.host }) };
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${metadata.name}.${suffix}`, namespace },
    involvedObject: {
      apiVersion,
      kind,
      name: metadata.name,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      ...(metadata.uid !== undefined && { uid: metadata.uid }),
      ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
      ...(input.fieldPath !== undefined && { fieldPath: input.fieldPath }),
    },
    reason: input.reason,
    message: input.message,
    type: input.type,
    count: 1,
    firstTimestamp: timestamp,
    lastTimestamp: timestamp,
    source,
    reportingComponent: options.component,
    reportingInstance: options.host ?? '',
  };
}
