/** pods/log: the text a container has written. */

import type { Pod } from '@towpath/api';
import { codeOf, messageOf } from '@towpath/kit';
import { storageKey, type ApiContext, type Target } from '../handlers/context.ts';
import type { ApiResponse } from '../http/message.ts';
import { badRequest, cause, internalError, invalid, notFound, StatusError } from '../http/status.ts';
import type { PodLogOptions, PodStreams } from '../pod-streams.ts';

/** The pod of a request, for subresources that need the live object. */
export function podOf(context: ApiContext, target: Target): Pod {
  const stored = context.objects
    .collection('core/pods')
    .get(storageKey(target.resource, target.namespace, target.name));
  if (stored === undefined) throw notFound(target.resource, target.name);
  return stored.object as unknown as Pod;
}

/** The container a request is about. Throws a 400 when it is not clear or does not exist. */
export function containerOf(pod: Pod, asked: string): string {
  const { containers, initContainers = [] } = pod.spec;
  const names = [...containers, ...initContainers].map((container) => container.name);
  if (asked !== '') {
    if (!names.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
    return asked;
  }
  const annotated = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  if (annotated !== undefined && names.includes(annotated)) return annotated;
  const [only, second] = containers;
  if (only !== undefined && second === undefined) return only.name;
  const choices = containers.map((container) => container.name).join(' ');
  const init =
    initContainers.length === 0
      ? ''
      : ` or one of the init containers: [${initContainers.map((item) => item.name).join(' ')}]`;
  throw badRequest(
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${choices}]${init}`,
  );
}

/** 501: there is no node runtime behind this server. */
export function noStreams(): StatusError {
  return new StatusError({
    code: 501,
    reason: 'NotImplemented',
    message: 'this API server runs without nodes: logs, exec and port-forward are not available',
  });
}

/** A failure of the node in the terms of the API. */
export function streamFailure(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const code = codeOf(error);
  if (code === 'CONTAINER_WAITING' || code === 'CONTAINER_UNKNOWN') return badRequest(messageOf(error));
  return internalError(messageOf(error));
}

/** `PodLogOptions` from the query of a request for this container's log. Throws a 400 or a 422. */
export function logOptionsOf(pod: Pod, asked: string, query: URLSearchParams): PodLogOptions {
  const flag = (name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0)
      throw invalid({ group: '', kind: 'PodLogOptions', name: pod.metadata.name }, [
        cause.invalid(name, value, 'must be greater than or equal to 0'),
      ]);
    return value;
  };
  const numbers = {
    tailLines: number('tailLines'),
    limitBytes: number('limitBytes'),
    sinceSeconds: number('sinceSeconds'),
    sinceTime: query.get('sinceTime') ?? undefined,
    stream: query.get('stream') ?? undefined,
  };
  const given = Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined));
  return {
    container: containerOf(pod, asked),
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    ...(given as Partial<PodLogOptions>),
  };
}

/** Answers GET of a log, as it grows when `follow` is asked. */
export async function podLog(
  context: ApiContext,
  target: Target,
  streams: PodStreams | undefined,
): Promise<ApiResponse> {
  const pod = podOf(context, target);
  const options = logOptionsOf(pod, target.query.get('container') ?? '', target.query);
  if (streams === undefined) throw noStreams();
  return logResponse(pod, { options, streams, left: target.signal });
}

/** The log as an answer; `left` is aborted when the client is gone. Throws a `StatusError`. */
export async function logResponse(
  pod: Pod,
  asked: { options: PodLogOptions; streams: PodStreams; left: AbortSignal | undefined },
): Promise<ApiResponse> {
  const { options, streams, left } = asked;
  const abort = new AbortController();
  const signal = left === undefined ? abort.signal : AbortSignal.any([left, abort.signal]);
  const iterator = streams.logs(pod, options, signal)[Symbol.asyncIterator]();
  // Problems show before the first byte: then they can still be answered as a Status. A quiet followed log cannot wait for it.
  const first = options.follow
    ? undefined
    : await iterator.next().catch((error: unknown) => Promise.reject(streamFailure(error)));
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: rest(first, iterator, abort) };
}

async function* rest(
  first: IteratorResult<string | Uint8Array> | undefined,
  iterator: AsyncIterator<string | Uint8Array>,
  abort: AbortController,
): AsyncGenerator<string | Uint8Array, void, undefined> {
  try {
    let item = first ?? (await iterator.next());
    while (item.done !== true) {
      yield item.value;
      item = await iterator.next();
    }
  } finally {
    abort.abort();
    await iterator.return?.();
  }
}
