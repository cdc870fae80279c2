/** exec, attach and portforward: from the request to the pod, its container and what to run there. */

import type { Pod } from '@towpath/api';
import type { ApiContext, Target } from '../handlers/context.ts';
import { badRequest, StatusError } from '../http/status.ts';
import type { ExitStatus, PodStreams, PodTerminal } from '../pod-streams.ts';
import { containerOf, noStreams, podOf } from './pod-log.ts';

/** A pod to connect to, after authorisation. */
export type PodConnection =
  | { readonly kind: 'portforward'; readonly pod: Pod; readonly streams: PodStreams }
  | {
      readonly kind: 'terminal';
      readonly pod: Pod;
      readonly tty: boolean;
      readonly stdin: boolean;
      readonly stdout: boolean;
      readonly stderr: boolean;
      start(terminal: PodTerminal): Promise<ExitStatus>;
    };

/** Finds what a request wants to connect to. Throws a `StatusError`. */
export function podConnection(context: ApiContext, target: Target, streams: PodStreams | undefined): PodConnection {
  const pod = podOf(context, target);
  checkHost(pod, target.subresource);
  if (streams === undefined) throw noStreams();
  const { query, subresource } = target;
  const flag = (name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';
  return connectTo(pod, streams, {
    subresource,
    container: query.get('container') ?? '',
    command: query.getAll('command'),
    tty: flag('tty'),
    stdin: flag('stdin'),
    stdout: flag('stdout'),
    stderr: flag('stderr'),
  });
}

/** What is asked of a pod; an empty `container` means the only or the default one. */
export interface ConnectOptions {
  readonly subresource: string | undefined;
  readonly container: string;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** The connection to a pod that was found. Throws a `StatusError`. */
export function connectTo(pod: Pod, streams: PodStreams, options: ConnectOptions): PodConnection {
  const { subresource, command, tty, stdin, stdout, stderr } = options;
  if (subresource === 'portforward') {
    checkRunning(pod);
    return { kind: 'portforward', pod, streams };
  }
  if (subresource !== 'exec' && subresource !== 'attach')
    throw badRequest(`${subresource ?? 'this'} cannot be upgraded`);
  const phase = pod.status?.phase;
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`);
  }
  const container = containerOf(pod, options.container);
  if (subresource === 'exec' && command.length === 0)
    throw badRequest('you must specify at least one command for the container');
  return {
    kind: 'terminal',
    pod,
    tty,
    stdin,
    stdout,
    stderr,
    start: (terminal) =>
      subresource === 'exec'
        ? streams.exec(pod, { container, command }, terminal)
        : streams.attach(pod, { container }, terminal),
  };
}

/** A pod that is on no node cannot be reached. */
function checkHost({ metadata, spec }: Pod, subresource: string | undefined): void {
  if ((spec.nodeName ?? '') !== '' || subresource === 'portforward') return;
  throw badRequest(`pod ${metadata.name} does not have a host assigned`);
}

function checkRunning(pod: Pod): void {
  const phase = pod.status?.phase ?? 'Pending';
  if (phase === 'Running') return;
  const message = `unable to forward port because pod is not running. Current status=${phase}`;
  throw new StatusError({ code: 400, reason: 'BadRequest', message });
}
