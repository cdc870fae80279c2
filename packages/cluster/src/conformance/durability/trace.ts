/** A system call trace of the API server: each answer to a write comes after a sync of a transaction that began after the request. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../run-program.ts';
import { Connection, startApiProcess } from './api-process.ts';
import { collectionPath } from './history.ts';

const connectionCount = 8;
const writesEach = 40;
const calls = 'openat,pwrite64,pwritev,write,writev,sendmsg,read,recvmsg,fdatasync,fsync,msync';
const maxPrinted = 10;

/** The number of violations; `missing` says what it needs. */
export async function runTrace(options: {
  readonly program: string;
  readonly print: (line: string) => void;
}): Promise<number | { readonly missing: string }> {
  const { program, print } = options;
  if ((await runProgram('strace', ['-V'])).code !== 0) return { missing: 'strace' };
  const folder = await mkdtemp(join(tmpdir(), 'towpath-trace-'));
  try {
    const file = join(folder, 'trace');
    const wrapper = ['strace', '-f', '-qq', '-yy', '-s', '0', '-e', `trace=${calls}`, '-e', 'signal=none', '-o', file];
    const server = await startApiProcess({ program, dataDir: join(folder, 'data'), wrapper });
    if ('failed' in server) return { missing: `a strace that may trace (${server.failed.slice(0, 200)})` };
    const ports = await writeAll(server);
    await server.kill();
    const { answers, syncs, violations } = checkTrace(await readFile(file, 'utf8'), { ports, answersEach: writesEach });
    for (const violation of violations.slice(0, maxPrinted)) print(`  VIOLATION ${violation}`);
    print(`trace: ${answers} acknowledged writes, ${syncs} synced transactions, ${violations.length} violations`);
    return violations.length;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The clients' ports; each sends its writes last, one after another. */
async function writeAll(server: ConstructorParameters<typeof Connection>[0]): Promise<number[]> {
  const connections = Array.from({ length: connectionCount }, () => new Connection(server));
  const ports = await Promise.all(
    connections.map(async (connection, index) => {
      await connection.call({ method: 'GET', path: collectionPath });
      for (let count = 0; count < writesEach; count++) {
        const metadata = { name: `traced-${index}-${count}` };
        const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value: String(count) } };
        const { status } = await connection.call({ method: 'POST', path: collectionPath, body });
        if (status !== 201) throw new Error(`a write was answered ${status}`);
      }
      return connection.localPort;
    }),
  );
  for (const connection of connections) connection.dispose();
  return ports;
}

interface Traced {
  readonly answers: number;
  readonly syncs: number;
  readonly violations: readonly string[];
}

interface Socket {
  /** Where the request that is being answered began to be read. */
  readAt: number | undefined;
  /** For each answer: where its request was read, and where it was written. */
  readonly answers: { readAt: number; writtenAt: number }[];
}

/** Judges the text of a trace: the last answers on the connections from each port are those to writes. */
export function checkTrace(text: string, options: { ports: readonly number[]; answersEach: number }): Traced {
  const { ports, answersEach } = options;
  const sockets = new Map<number, Socket>(ports.map((port) => [port, { readAt: undefined, answers: [] }]));
  const commits = new Commits();
  let at = 0;
  for (const call of callsOf(text)) {
    at++;
    commits.take(call, at);
    const socket = sockets.get(Number(/->127\.0\.0\.1:(\d+)\]/.exec(call.target)?.[1]));
    if (socket === undefined) continue;
    if (call.isStart && /^(write|sendmsg)/.test(call.name) && socket.readAt !== undefined) {
      socket.answers.push({ readAt: socket.readAt, writtenAt: at });
      socket.readAt = undefined;
    } else if (call.isEnd && /^(read|recvmsg)/.test(call.name) && call.result > 0) socket.readAt ??= at;
  }
  const violations: string[] = [];
  let answers = 0;
  for (const [port, socket] of sockets) {
    const last = socket.answers.slice(-answersEach);
    if (last.length < answersEach) violations.push(`port ${port} got ${last.length} of ${answersEach} answers`);
    for (const answer of last) {
      answers++;
      const isSynced = commits.done.some(
        ({ beganAt, endedAt }) => beganAt > answer.readAt && endedAt < answer.writtenAt,
      );
      if (!isSynced) violations.push(`port ${port}: an answer at call ${answer.writtenAt} without a sync before`);
    }
  }
  return { answers, syncs: commits.done.length, violations };
}

/** Batches in the store's log: one write through a descriptor that syncs by itself. */
class Commits {
  readonly done: { beganAt: number; endedAt: number }[] = [];
  readonly #syncing = new Set<string>();
  readonly #began = new Map<string, number>();

  take({ name, target, isStart, isEnd, result, flags }: TracedCall, at: number): void {
    if (!target.includes('/wal-')) return;
    const descriptor = target.split('<')[0] ?? '';
    if (name === 'openat') {
      if (/O_D?SYNC/.test(flags)) this.#syncing.add(descriptor);
      else this.#syncing.delete(descriptor);
      return;
    }
    if (!name.includes('write') || !this.#syncing.has(descriptor)) return;
    if (isStart) this.#began.set(descriptor, at);
    const beganAt = this.#began.get(descriptor);
    if (isEnd && result > 0 && beganAt !== undefined) this.done.push({ beganAt, endedAt: at });
  }
}

interface TracedCall {
  readonly name: string;
  /** `DESCRIPTOR<FILE or SOCKET>` */
  readonly target: string;
  readonly flags: string;
  /** A call that another thread's interrupts in the trace has a line for each. */
  readonly isStart: boolean;
  readonly isEnd: boolean;
  readonly result: number;
}

function* callsOf(text: string): Iterable<TracedCall> {
  const unfinished = new Map<string, TracedCall>();
  for (const line of text.split('\n')) {
    const resumed = /^(\d+) +<\.\.\. \w+ resumed>.*= (-?\d+)/.exec(line);
    if (resumed !== null) {
      const begun = unfinished.get(resumed[1] ?? '');
      if (begun !== undefined) yield { ...begun, isStart: false, isEnd: true, result: Number(resumed[2]) };
      continue;
    }
    const match = /^(\d+) +(\w+)\((.*)$/.exec(line);
    if (match === null) continue;
    const [, thread = '', name = '', rest = ''] = match;
    const isEnd = !rest.includes('<unfinished ...>');
    const opened = name === 'openat' ? (/= (\d+<[^>]*>)/.exec(rest)?.[1] ?? '') : undefined;
    const target = opened ?? /^\d+<(?:->|[^>])*>/.exec(rest)?.[0] ?? '';
    const result = Number(/= (-?\d+)/.exec(rest.slice(rest.lastIndexOf(')')))?.[1] ?? -1);
    const call = { name, target, flags: rest, isStart: true, isEnd, result };
    if (!isEnd) unfinished.set(thread, call);
    yield call;
  }
}
