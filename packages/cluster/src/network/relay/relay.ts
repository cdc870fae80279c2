/** Network namespaces for pods whose programs are not Node, and the relay that joins them to the dialer. */

import { spawn, type ChildProcess } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { background, codeOf, messageOf, type Clock, type Logger } from '@towpath/kit';
import type { NetworkDialer } from '../dialer.ts';
import { DialError } from '../errors.ts';
import type { NetworkPod, PodTable } from '../pods.ts';
import type { Resolver } from '../resolver.ts';
import { createSlots, type Slots } from '../slots.ts';
import { splice } from '../splice.ts';
import { answerName } from './names.ts';
import { relaySource } from './program/source.ts';
import type { RelayAnswer, RelayCommand, RelayMessage, RelayQuestion, RelaySettings } from './program/toolkit.ts';

/** The cluster's name server, as pods of a real cluster find it. */
export const nameServer = '10.96.0.10';

/** Programs of the host, by path. */
export interface RelayTools {
  readonly ip: string;
  readonly sh: string;
  readonly nsenter: string;
  readonly setpriv: string;
  readonly unshare: string;
  /** The host's Node. */
  readonly node: string;
  /** Makes a user namespace and runs what follows in it as its root. */
  readonly asRoot: readonly string[];
}

/** A pod's own network namespace. */
export interface PodNamespace {
  /** A process in it, to enter it by. */
  readonly pid: number;
  /** Resolves when the way to the dialer is gone; programs that run on would be alone. */
  readonly ended: Promise<void>;
}

export interface Relay {
  /**
   * The namespace of `pod`, made on the first call; from then on the dialer reaches its ports there. Rejects with a
   * sentence about what this system does not let us do.
   */
  attach(pod: NetworkPod): Promise<PodNamespace>;
  /** Ends the namespace; the programs in it have ended before. */
  detach(pod: NetworkPod): void;
  /** Services or endpoints have changed. */
  changed(): void;
  dispose(): Promise<void>;
}

export interface RelayDeps {
  readonly tools: RelayTools;
  readonly runDir: string;
  readonly pods: PodTable;
  readonly resolver: Resolver;
  readonly dialer: NetworkDialer;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Changes that come together are told together. */
const changeDelayMs = 20;
/** More is more listeners than one process should have; connections to the rest take a second longer. */
const maxOpenings = 4096;

/** Nothing is started before the first `attach`. */
export function createRelay(deps: RelayDeps): Relay {
  return new LazyRelay(deps);
}

interface Running {
  readonly pid: number;
  readonly ended: Promise<void>;
  readonly attach: (pod: NetworkPod, pid: number) => Promise<void>;
  readonly send: (command: RelayCommand) => void;
  readonly end: () => void;
}

interface Attached {
  readonly namespace: Promise<PodNamespace>;
  holder: ChildProcess | undefined;
}

/** Owns the relay's process, one process per namespace, and the slots the relay is lent. */
class LazyRelay implements Relay {
  readonly #deps: RelayDeps;
  readonly #slots: Slots;
  readonly #attached = new Map<NetworkPod, Attached>();
  #running: Promise<Running> | undefined;
  #telling = false;
  #disposed = false;

  constructor(deps: RelayDeps) {
    this.#deps = deps;
    this.#slots = createSlots({ runDir: deps.runDir, clock: deps.clock, folder: 'r' });
  }

  attach(pod: NetworkPod): Promise<PodNamespace> {
    const known = this.#attached.get(pod);
    if (known !== undefined) return known.namespace;
    const attached: Attached = {
      namespace: this.#make(pod, (holder) => (attached.holder = holder)),
      holder: undefined,
    };
    this.#attached.set(pod, attached);
    attached.namespace.then(
      // Without its relay a namespace is of no use: the next container of the pod gets a new one.
      (namespace) => namespace.ended.then(() => this.detach(pod)),
      () => this.#attached.delete(pod),
    );
    return attached.namespace;
  }

  detach(pod: NetworkPod): void {
    const attached = this.#attached.get(pod);
    if (attached === undefined) return;
    this.#attached.delete(pod);
    pod.reach = undefined;
    attached.holder?.kill('SIGKILL');
    void this.#running?.then(
      ({ send }) => send({ op: 'detach', podIP: pod.ip }),
      () => {},
    );
  }

  changed(): void {
    if (this.#running === undefined || this.#telling) return;
    this.#telling = true;
    this.#deps.clock.startTimer(changeDelayMs, () => {
      this.#telling = false;
      void this.#running?.then(({ send }) => send(this.#openings())).catch(() => {});
    });
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const pod of this.#attached.keys()) this.detach(pod);
    this.#slots.dispose();
    const running = await this.#running?.catch(() => undefined);
    running?.end();
    await running?.ended;
  }

  #openings(): RelayCommand {
    const openings = this.#deps.resolver.openings();
    if (openings.length > maxOpenings) {
      this.#deps.log.warn('too many endpoints for the relay', { openings: openings.length, max: maxOpenings });
    }
    return { op: 'openings', openings: openings.slice(0, maxOpenings) };
  }

  #start(): Promise<Running> {
    if (this.#disposed) return Promise.reject(new Error('the network has ended'));
    this.#running ??= startRelayProcess(this.#deps, (question) => this.#answer(question)).then(
      (running) => {
        void running.ended.then(() => {
          this.#running = undefined;
          if (!this.#disposed)
            this.#deps.log.warn('the relay of the pod network ended and is started again when needed');
        });
        running.send(this.#openings());
        return running;
      },
      (error: unknown) => {
        this.#running = undefined;
        throw error;
      },
    );
    return this.#running;
  }

  async #make(pod: NetworkPod, holds: (holder: ChildProcess) => void): Promise<PodNamespace> {
    const { tools, runDir } = this.#deps;
    const running = await this.#start();
    const holder = spawn(
      tools.setpriv,
      [
        '--pdeathsig',
        'KILL',
        tools.nsenter,
        '--target',
        String(running.pid),
        '--user',
        '--preserve-credentials',
        '--',
        tools.unshare,
        '--net',
        '--',
        tools.sh,
        '-c',
        holderScript(tools.ip, pod.ip, gatewayOf(pod.ip)),
      ],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    holds(holder);
    const lines = linesOf(holder);
    const { pid } = holder;
    if (pid === undefined || (await lines.next()) !== 'up') {
      throw new Error(`no network namespace could be made: ${lines.errors()}`);
    }
    await running.attach(pod, pid);
    holder.stdin?.write('go\n');
    if ((await lines.next()) !== 'ready') throw new Error(`the pod's interface could not be made: ${lines.errors()}`);
    pod.reach = (port) => reach(join(runDir, 'r.sock'), pod, port);
    return { pid, ended: running.ended };
  }

  async #answer(question: RelayQuestion): Promise<RelayAnswer> {
    const { pods, dialer, resolver, log } = this.#deps;
    const pod = pods.byIp(question.from);
    if (pod === undefined) return { code: 'ECONNREFUSED' };
    if (question.op === 'names') {
      const packet = Buffer.from(question.packet, 'base64');
      const answer = await answerName(packet, pod.caller.namespace, { resolver, lookupOutside });
      return answer === undefined ? {} : { packet: answer.packet.toString('base64'), outside: answer.outside };
    }
    const { host, port } = question;
    try {
      const stream = await dialer.dial({ host, port, caller: pod.caller });
      const slot = await this.#slots.lend();
      slot.socket.then(
        (program) => splice(program, stream),
        () => stream.destroy(),
      );
      return { path: slot.path };
    } catch (error) {
      log.debug('connection refused', { pod: pod.caller.pod, host, port, because: messageOf(error) });
      return { code: codeOf(error) ?? 'ECONNREFUSED' };
    }
  }
}

/** `10.244.N.1`, the node's own end of every pod of it. */
function gatewayOf(podIP: string): string {
  return podIP.replace(/\d+$/, '1');
}

async function lookupOutside(name: string): Promise<readonly string[]> {
  return (await lookup(name, { family: 4, all: true })).map(({ address }) => address);
}

/** Sets the namespace of the relay up. `pref` orders the rules; see `program/listeners.ts` for their meaning. */
function relayScript(tools: RelayTools, program: string): string {
  const lines = [
    'link set lo up',
    `addr add ${nameServer}/32 dev lo`,
    'route add local default dev lo table local',
    // What the relay itself sends goes to pods or stays.
    'rule add pref 4 iif lo to 127.0.0.0/8 lookup local',
    'rule add pref 5 iif lo lookup main',
    'rule add pref 11 to 10.96.0.0/15 lookup local',
    // Nobody listens there: refused.
    'rule add pref 80 ipproto udp lookup local',
    'rule add pref 90 blackhole',
    'rule del pref 0',
  ];
  return `set -e; echo $$; printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} | '${tools.ip}' -batch - >&2; exec '${tools.node}' '${program}'`;
}

/** Waits for the relay to make `eth0`, gives it the pod's address, and lasts as long as its input does. */
function holderScript(ip: string, podIP: string, gateway: string): string {
  const lines = [
    'link set lo up',
    `addr add ${podIP}/32 dev eth0`,
    'link set eth0 up',
    `route add ${gateway} dev eth0`,
    `route add default via ${gateway} src ${podIP}`,
  ];
  return [
    'set -e',
    'echo up',
    'read -r word',
    `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} | '${ip}' -batch - >&2`,
    'echo ready',
    'read -r word || true',
  ].join('; ');
}

async function startRelayProcess(
  deps: RelayDeps,
  answer: (question: RelayQuestion) => Promise<RelayAnswer>,
): Promise<Running> {
  const { tools, runDir, log } = deps;
  const program = join(runDir, 'relay.cjs');
  await writeFile(program, relaySource());
  const settings: RelaySettings = { run: runDir, ip: tools.ip, nameServer };
  const child = spawn(
    tools.setpriv,
    ['--pdeathsig', 'KILL', ...tools.asRoot, tools.unshare, '--net', '--', tools.sh, '-c', relayScript(tools, program)],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { TOWPATH_RELAY: JSON.stringify(settings) } },
  );
  const lines = linesOf(child);
  const attaching = new Map<number, (error: string | undefined) => void>();
  let lastId = 0;
  const send = (command: RelayCommand): void => void child.stdin?.write(`${JSON.stringify(command)}\n`);
  child.stdin?.on('error', () => {});
  // What makes the user namespace may stand between: the relay's own id is the one it prints.
  const pid = Number(await lines.next());
  if (!(pid > 0) || (await lines.next()) === undefined) {
    child.kill('SIGKILL');
    throw new Error(`the relay of the pod network could not be started: ${lines.errors()}`);
  }
  const read = async (): Promise<void> => {
    for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
      // Written by the relay's program, which is ours.
      const message = JSON.parse(line) as RelayMessage;
      if (message.op === 'ready') continue;
      if (message.op === 'attached') {
        attaching.get(message.id)?.(message.error);
        attaching.delete(message.id);
        continue;
      }
      const { id, ...question } = message;
      background(
        'answer the relay',
        answer(question).then((found) => send({ op: 'answer', id, ...found })),
        log,
      );
    }
    for (const settle of attaching.values()) settle('the relay has ended');
  };
  const ended = read();
  return {
    pid,
    ended,
    send,
    attach: async (pod, namespacePid) => {
      const id = ++lastId;
      const error = await new Promise<string | undefined>((resolve) => {
        attaching.set(id, resolve);
        send({ op: 'attach', id, podIP: pod.ip, gateway: gatewayOf(pod.ip), pid: namespacePid });
      });
      if (error !== undefined) throw new Error(`the pod could not be joined to the relay: ${error}`);
    },
    end: () => {
      // What made the user namespace may be another process than the relay, which ends with its input.
      child.stdin?.end();
      child.kill('SIGKILL');
    },
  };
}

/** The lines a child prints, one at a time; undefined when it has ended. */
function linesOf(child: ChildProcess): { next: () => Promise<string | undefined>; errors: () => string } {
  const maxErrorLength = 2000;
  const ready: string[] = [];
  let rest = '';
  let errors = '';
  let ended = false;
  let wake = (): void => {};
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    ready.push(...lines);
    wake();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    if (errors.length < maxErrorLength) errors += chunk.toString('utf8');
  });
  const end = (error?: Error): void => {
    if (error !== undefined) errors += messageOf(error);
    ended = true;
    wake();
  };
  child.on('error', end);
  child.on('close', () => end());
  return {
    errors: () => errors.trim() || 'it ended without a word',
    async next() {
      while (ready.length === 0 && !ended) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return ready.shift();
    },
  };
}

/** A connection into the pod's namespace: one line there and one back, then the bytes. */
function reach(path: string, pod: NetworkPod, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ path, allowHalfOpen: true });
    const refuse = (): void => {
      socket.destroy();
      const { namespace, pod: name } = pod.caller;
      reject(new DialError('ECONNREFUSED', pod.ip, port, `pod ${namespace}/${name} does not listen on port ${port}`));
    };
    socket.once('error', refuse);
    socket.once('close', refuse);
    socket.once('connect', () => socket.write(`${pod.ip} ${port}\n`));
    // Not by `data` and `pause`: who gets the stream may start it by listening.
    socket.once('readable', () => {
      const chunk = (socket.read() as Buffer | null) ?? Buffer.alloc(0);
      const end = chunk.indexOf(10);
      if (end < 0 || chunk.subarray(0, end).toString('latin1') !== 'ok') return refuse();
      if (end + 1 < chunk.length) socket.unshift(chunk.subarray(end + 1));
      socket.off('error', refuse);
      socket.off('close', refuse);
      return resolve(socket);
    });
  });
}
