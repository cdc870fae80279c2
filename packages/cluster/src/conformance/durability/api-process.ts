/** `towpath apiserver` as a process that can be killed, and requests to it. */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { join, resolve } from 'node:path';
import { systemClock, TowpathError } from '@towpath/kit';

const readyLimitMs = 60_000;

/** Builds the program below the repository, where its native package is found; returns its file. */
export function buildProgram(): string {
  const folder = join('node_modules', '.towpath-durability');
  const built = spawnSync(process.execPath, ['scripts/build.mjs', folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  if (built.status !== 0) {
    throw new TowpathError('BUILD_FAILED', `the program cannot be built: ${String(built.stderr).slice(0, 500)}`, {
      next: 'run it in the repository, or name a built program with --program',
    });
  }
  return resolve(folder, 'towpath.js');
}

/** A running API server process. */
export interface ApiProcess {
  readonly url: string;
  readonly token: string;
  readonly ca: string;
  readonly pid: number;
  /** Ends it at once, without a chance to finish anything; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Words before the program itself, such as a tracer and its options. */
export interface StartOptions {
  readonly program: string;
  readonly dataDir: string;
  readonly wrapper?: readonly string[];
  /** Given the child as soon as it exists, to kill it while it starts. */
  readonly onSpawn?: (child: ChildProcess) => void;
}

/** Resolves when the server answers requests; undefined when it ended before. */
export async function startApiProcess(options: StartOptions): Promise<ApiProcess | { readonly failed: string }> {
  const { program, dataDir, wrapper = [] } = options;
  const words = [...wrapper, process.execPath, program, 'apiserver', '--data', dataDir];
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
  options.onSpawn?.(child);
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  const url = await serving(child);
  if (!url.startsWith('https://')) {
    child.kill('SIGKILL');
    await ended;
    return { failed: url };
  }
  const pki = join(dataDir, 'apiserver', 'pki');
  const [token, ca] = await Promise.all([
    readFile(join(pki, 'admin-token'), 'utf8'),
    readFile(join(pki, 'ca.crt'), 'utf8'),
  ]);
  return {
    url,
    token: token.trim(),
    ca,
    pid: child.pid ?? 0,
    async kill() {
      // A tracer ends, and writes its trace, when what it traces ends.
      const pid = wrapper.length === 0 ? child.pid : await onlyChildOf(child.pid);
      if (pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(pid, 'SIGKILL');
      return ended;
    },
  };
}

async function onlyChildOf(pid: number | undefined): Promise<number | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim() === '' ? undefined : Number(children.trim().split(' ')[0]);
}

/** The address it says it serves at, or what else it said before it ended. */
function serving(child: ChildProcess): Promise<string> {
  return new Promise((done) => {
    let text = '';
    const limit = systemClock.startTimer(readyLimitMs, () => done(`not ready in time: ${text}`));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const url = /serving at (https:\S+)/.exec(text)?.[1];
      if (url === undefined) return;
      limit.cancel();
      done(url);
    });
    child.once('close', (code, signal) => {
      limit.cancel();
      done(text.trim() || `ended with ${signal ?? code ?? 'no code'}`);
    });
  });
}

/** An object as the suite uses it. */
export interface Answered {
  readonly status: number;
  readonly body: {
    readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
    readonly data?: Readonly<Record<string, string>>;
    readonly items?: readonly Answered['body'][];
    readonly message?: string;
    readonly code?: number;
  };
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** One connection to a server that is kept. */
export class Connection {
  readonly #server: ApiProcess;
  readonly #agent: Agent;
  #localPort = 0;

  constructor(server: ApiProcess) {
    this.#server = server;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, ca: server.ca });
  }

  /** The port of this side, once there was a request. */
  get localPort(): number {
    return this.#localPort;
  }

  /** Rejects when the connection ends before the whole answer is there. */
  async call({ method, path, body, contentType }: Call): Promise<Answered> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.#open({ method, path }, payload, contentType ?? 'application/json');
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
    return { status: response.statusCode ?? 0, body: JSON.parse(text) as Answered['body'] };
  }

  /** The parsed lines of a watch, until the connection ends. */
  async *watch(path: string): AsyncGenerator<WatchLine, void, undefined> {
    const response = await this.#open({ method: 'GET', path }, undefined, 'application/json');
    let rest = '';
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as WatchLine;
    }
  }

  dispose(): void {
    this.#agent.destroy();
  }

  #open(options: RequestOptions, payload: string | undefined, contentType: string): Promise<IncomingMessage> {
    return new Promise((done, fail) => {
      const outgoing = request(`${this.#server.url}${options.path ?? ''}`, {
        ...options,
        agent: this.#agent,
        headers: {
          authorization: `Bearer ${this.#server.token}`,
          'content-type': contentType,
          ...(payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) }),
        },
      });
      outgoing.once('response', (response) => {
        this.#localPort = response.socket.localPort ?? 0;
        done(response);
      });
      outgoing.once('error', fail);
      outgoing.end(payload);
    });
  }
}

export interface WatchLine {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Answered['body'];
}
