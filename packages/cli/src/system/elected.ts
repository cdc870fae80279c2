/** Leader election around a component: of its replicas one works, the others answer probes and wait. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Builtin, BuiltinContext } from '@towpath/api';
import { randomSuffix, TowpathError, type Clock, type Random } from '@towpath/kit';
import { Client, runAsLeader, untilAborted } from '@towpath/runtime';
import { durationMs } from '@towpath/releases';

export interface ElectedDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Where the component answers probes and scrapes: a replica that waits answers there in its place. */
  readonly probePorts: readonly number[];
}

/** What the election flags say; undefined members are client-go's defaults. */
interface ElectionFlags {
  readonly isEnabled: boolean;
  readonly namespace: string | undefined;
  readonly leaseDurationMs: number | undefined;
  readonly renewDeadlineMs: number | undefined;
  readonly retryPeriodMs: number | undefined;
}

/**
 * The component with the flags `--enable-leader-election`, `--leader-election-namespace`, `--leader-election-lease-duration`,
 * `--leader-election-renew-deadline` and `--leader-election-retry-period` of Flux's controllers; the Lease is
 * `NAME-leader-election` in its namespace. A replica that loses its lease ends with `LEADERSHIP_LOST`.
 */
export function elected(name: string, builtin: Builtin, deps: ElectedDeps): Builtin {
  return async (context) => {
    const { flags, args } = takeElectionFlags(context.args);
    if (!flags.isEnabled) return builtin({ ...context, args });
    const { namespace, isEnabled: _enabled, ...times } = flags;
    const standby = answerProbes(name, context, deps.probePorts);
    const done = runAsLeader(
      {
        client: new Client({ transport: context.transport, fieldManager: name }),
        clock: deps.clock,
        log: context.log,
        lease: { namespace: namespace ?? context.pod.namespace, name: `${name}-leader-election` },
        identity: `${context.pod.pod}_${randomSuffix(deps.random, 10)}`,
        ...definedOf(times),
        signal: context.signal,
      },
      async (signal) => {
        standby.close();
        const transport = untilAborted(context.transport, signal);
        await (
          await builtin({ ...context, args, signal, transport })
        ).done;
      },
    ).finally(() => standby.close());
    return { done };
  };
}

const readers = {
  'enable-leader-election': (value) => ({ isEnabled: value !== 'false' }),
  'leader-election-namespace': (namespace) => ({ namespace }),
  'leader-election-lease-duration': (value, flag) => ({ leaseDurationMs: durationMs(value, flag) }),
  'leader-election-renew-deadline': (value, flag) => ({ renewDeadlineMs: durationMs(value, flag) }),
  'leader-election-retry-period': (value, flag) => ({ retryPeriodMs: durationMs(value, flag) }),
  // A lease is always given back.
  'leader-election-release-on-cancel': () => ({}),
} satisfies Record<string, (value: string, flag: string) => Partial<ElectionFlags>>;

const noElection: ElectionFlags = {
  isEnabled: false,
  namespace: undefined,
  leaseDurationMs: undefined,
  renewDeadlineMs: undefined,
  retryPeriodMs: undefined,
};

/** Separates the flags of the election from the component's own. Throws `USAGE`. */
export function takeElectionFlags(all: readonly string[]): { flags: ElectionFlags; args: readonly string[] } {
  let flags = noElection;
  const args: string[] = [];
  for (const argument of all) {
    const [, name = '', value = 'true'] = /^--?([a-z-]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (isElectionFlag(name)) flags = { ...flags, ...readers[name](value, name) };
    else args.push(argument);
  }
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000 } = flags;
  if (renewDeadlineMs >= leaseDurationMs) {
    throw new TowpathError('USAGE', '--leader-election-renew-deadline is not below --leader-election-lease-duration', {
      next: 'let a leader stop before another may start, e.g. 10s and 15s',
    });
  }
  return { flags, args };
}

function isElectionFlag(name: string): name is keyof typeof readers {
  return Object.hasOwn(readers, name);
}

type DefinedTimes = { [Name in keyof Omit<ElectionFlags, 'isEnabled' | 'namespace'>]?: number };

function definedOf(times: Omit<ElectionFlags, 'isEnabled' | 'namespace'>): DefinedTimes {
  return Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined));
}

/** Healthy and ready to take over; everything else the component itself must answer. */
function answerProbes(name: string, { network }: BuiltinContext, ports: readonly number[]): { close: () => void } {
  const server = createServer((request, response) => answer(name, request, response));
  const listeners = ports.map((port) => network.listen(port, ({ stream }) => server.emit('connection', stream)));
  let isOpen = true;
  return {
    close() {
      if (!isOpen) return;
      isOpen = false;
      for (const listener of listeners) listener.close();
      server.closeAllConnections();
    },
  };
}

function answer(name: string, { url }: IncomingMessage, response: ServerResponse): void {
  const text = { 'content-type': 'text/plain; charset=utf-8' };
  if (url === '/healthz' || url === '/readyz') response.writeHead(200, text).end('ok\n');
  else if (url === '/metrics') response.writeHead(200, text).end(`leader_election_master_status{name="${name}"} 0\n`);
  else response.writeHead(503, text).end('another replica is the leader\n');
}
