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
  /** Of the Event itself, e.g. the revision it speaks of. */
  readonly annotations?: Readonly<Record<string, string>>;
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

/** Repeats of what is forgotten, and of Events that the server has dropped, start a new Event. */
const rememberedEvents = 4096;

interface Remembered {
  readonly name: string;
  readonly namespace: string;
  count: number;
}

/**
 * Source: client-go tools/record, eventLogger (count, firstTimestamp, lastTimestamp). What client-go drops after 25 Events
 * of an object, or combines after nine messages of a kind, is written here: each sentence is somebody's evidence.
 */
export function createRecorder(options: RecorderOptions): Recorder {
  const seen = new Map<string, Remembered>();
  const nextSuffix = eventSuffixes(options.component);
  // Events of one recorder are written one after another, so that their order is the order of the calls.
  let last: Promise<void> = Promise.resolve();
  return {
    event(object, input) {
      const turn = last.then(() => write({ ...options, nextSuffix }, seen, object, input));
      last = turn;
      return turn;
    },
  };
}

/**
 * Nanoseconds in hexadecimal, as client-go names Events: tools show Events of one second in the order of their names,
 * so names have to ascend. The last digits tell components apart that write in the same millisecond.
 */
function eventSuffixes(component: string): (nowMs: number) => string {
  const apart = BigInt(createHash('sha1').update(component).digest().readUInt16BE() % 1000);
  let last = 0n;
  return (nowMs) => {
    const first = BigInt(Math.trunc(nowMs)) * 1_000_000n + apart;
    last = first > last ? first : last + 1000n;
    return last.toString(16);
  };
}

type WriteOptions = RecorderOptions & { readonly nextSuffix: (nowMs: number) => string };

async function write(
  options: WriteOptions,
  seen: Map<string, Remembered>,
  object: KubeObject,
  input: EventInput,
): Promise<void> {
  const { client, clock } = options;
  const nowMs = clock.nowMs();
  const identity = JSON.stringify([object.metadata.uid, input.fieldPath, input.type, input.reason, input.message]);
  const known = seen.get(identity);
  try {
    if (known !== undefined && (await repeat(client, known, nowMs))) return;
    const event = newEvent(options, object, input, nowMs);
    const namespace = event.metadata.namespace ?? 'default';
    if (seen.size >= rememberedEvents) seen.delete(seen.keys().next().value ?? '');
    seen.set(identity, { name: event.metadata.name, namespace, count: 1 });
    await client.create(Events, event);
  } catch (error) {
    (options.log ?? silentLogger).debug('event not written', { reason: input.reason, error: messageOf(error) });
  }
}

async function repeat(client: Client, known: Remembered, nowMs: number): Promise<boolean> {
  known.count++;
  try {
    const patch = { count: known.count, lastTimestamp: toTimestamp(nowMs) };
    await client.patch(Events, { namespace: known.namespace, name: known.name }, patch, { kind: 'merge' });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

function newEvent(options: WriteOptions, object: KubeObject, input: EventInput, nowMs: number): Event {
  const { metadata, apiVersion, kind } = object;
  const namespace = metadata.namespace ?? 'default';
  const timestamp = toTimestamp(nowMs);
  const source = { component: options.component, ...(options.host !== undefined && { host: options.host }) };
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${metadata.name}.${options.nextSuffix(nowMs)}`,
      namespace,
      ...(input.annotations !== undefined &&
        Object.keys(input.annotations).length > 0 && { annotations: { ...input.annotations } }),
    },
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
