/** Usage of pods and nodes as `kubectl top` and autoscalers read it. Source: metrics.k8s.io/v1beta1. */

import type { AnyObject, Pod } from '@towpath/api';
import { toTimestamp, type UnknownRecord } from '@towpath/kit';
import type { ApiContext, Target } from '../handlers/context.ts';
import { negotiate } from '../handlers/negotiate.ts';
import { respond } from '../handlers/render.ts';
import { parseSelection, selects } from '../handlers/selectors.ts';
import type { ApiResponse } from '../http/message.ts';
import { notFound } from '../http/status.ts';
import type { ContainerUsage, PodStreams } from '../pod-streams.ts';

const window = '15s';

/** Answers get and list. */
export async function answerMetrics(
  context: ApiContext,
  target: Target,
  verb: string,
  streams: PodStreams | undefined,
): Promise<ApiResponse> {
  const all =
    target.resource.plural === 'pods'
      ? await podMetrics(context, target, streams)
      : await nodeMetrics(context, target, streams);
  const format = { ...negotiate(target.headers['accept']?.replace(/;as=[^,]*/g, '')), shape: 'object' as const };
  const { kind, listKind, apiVersion } = target.resource;
  if (verb === 'list') {
    const metadata = { resourceVersion: String(context.objects.revision) };
    return respond(200, JSON.stringify({ kind: listKind, apiVersion, metadata, items: all }), format);
  }
  const [found] = all;
  if (found === undefined)
    throw notFound({ group: target.resource.group, plural: target.resource.plural }, target.name);
  return respond(200, JSON.stringify({ kind, apiVersion, ...found }), format);
}

function chosen(context: ApiContext, target: Target, collection: string): AnyObject[] {
  const prefix = target.namespace === undefined ? '' : `${target.namespace}/`;
  const selection = parseSelection(target.resource, target.query, target.name === '' ? undefined : target.name);
  return context.objects
    .collection(collection)
    .list(prefix)
    .map(({ object }) => object)
    .filter((object) => selects(selection, object, target.resource, {}));
}

function metadataOf(object: AnyObject, context: ApiContext): UnknownRecord {
  const { name, namespace, labels } = object.metadata;
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
    creationTimestamp: toTimestamp(context.clock.nowMs()),
  };
}

async function podMetrics(
  context: ApiContext,
  target: Target,
  streams: PodStreams | undefined,
): Promise<UnknownRecord[]> {
  const rows = await Promise.all(
    chosen(context, target, 'core/pods').map(async (pod) => {
      const usage = await usageOf(pod, streams);
      if (usage === undefined) return [];
      const containers = usage.map((container) => ({ name: container.name, usage: quantities([container]) }));
      return [
        { metadata: metadataOf(pod, context), timestamp: toTimestamp(context.clock.nowMs()), window, containers },
      ];
    }),
  );
  return rows.flat();
}

async function nodeMetrics(
  context: ApiContext,
  target: Target,
  streams: PodStreams | undefined,
): Promise<UnknownRecord[]> {
  const pods = context.objects
    .collection('core/pods')
    .list()
    .map(({ object }) => object);
  return Promise.all(
    chosen(context, target, 'core/nodes').map(async (node) => {
      const own = pods.filter((pod) => (pod as unknown as Pod).spec.nodeName === node.metadata.name);
      const usage = await Promise.all(own.map((pod) => usageOf(pod, streams)));
      return {
        metadata: metadataOf(node, context),
        timestamp: toTimestamp(context.clock.nowMs()),
        window,
        usage: quantities(usage.flatMap((containers) => containers ?? [])),
      };
    }),
  );
}

async function usageOf(
  pod: AnyObject,
  streams: PodStreams | undefined,
): Promise<readonly ContainerUsage[] | undefined> {
  return streams?.usage?.(pod as unknown as Pod);
}

function quantities(containers: readonly ContainerUsage[]): UnknownRecord {
  const cpu = containers.reduce((sum, container) => sum + container.cpuNanocores, 0);
  const memory = containers.reduce((sum, container) => sum + container.memoryBytes, 0);
  return { cpu: `${Math.round(cpu)}n`, memory: `${Math.round(memory / 1024)}Ki` };
}
