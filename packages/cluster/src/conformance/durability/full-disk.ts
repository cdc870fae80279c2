/** A disk that runs full under the API server: writes are refused, reads go on, nothing acknowledged is lost. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '@towpath/kit';
import { runProgram } from '../run-program.ts';
import { Connection, startApiProcess, type ApiProcess } from './api-process.ts';
import { collectionPath } from './history.ts';

/** Room for the two files of the log, LMDB of an empty cluster, the ballasts, and some objects. */
const diskMiB = 40;
const ballastBytes = 5 * 1024 * 1024;
/** Of one object: large and small ones, as the last bytes of a disk fit the one and not the other. */
const valueChars = [120_000, 3_000, 40];
const maxWrites = 5_000;
const roundCount = 2;

/** The number of violations; `missing` says what it needs. */
export async function runFullDisk(options: {
  readonly program: string;
  readonly print: (line: string) => void;
}): Promise<number | { readonly missing: string }> {
  const { program, print } = options;
  const folder = await mkdtemp(join(tmpdir(), 'towpath-full-'));
  const mounted = await runProgram('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'tmpfs', folder]);
  if (mounted.code !== 0) {
    await rm(folder, { recursive: true });
    return { missing: 'root, to mount a small tmpfs' };
  }
  const disk = new FullDisk({ program, folder });
  try {
    await disk.run();
  } catch (error) {
    disk.violations.push(messageOf(error));
  } finally {
    await disk.dispose();
    await runProgram('umount', ['-l', folder]);
    await rm(folder, { recursive: true, force: true });
  }
  for (const violation of disk.violations) print(`  VIOLATION ${violation}`);
  print(
    `full disk: ${disk.written} acknowledged writes, refused ${disk.refused} times, ${disk.starts} starts, ` +
      `on the full disk: ${disk.startOnFull}; ${disk.violations.length} violations`,
  );
  return disk.violations.length;
}

class FullDisk {
  readonly violations: string[] = [];
  written = 0;
  refused = 0;
  starts = 0;
  startOnFull = 'not tried';
  readonly #program: string;
  readonly #folder: string;
  readonly #names = new Set<string>();
  #server: ApiProcess | undefined;
  #connection: Connection | undefined;

  constructor(parts: { program: string; folder: string }) {
    this.#program = parts.program;
    this.#folder = parts.folder;
  }

  async run(): Promise<void> {
    await mkdir(join(this.#folder, 'data'));
    const ballasts = Array.from({ length: roundCount }, (_, round) => join(this.#folder, `ballast-${round}`));
    for (const ballast of ballasts) await writeFile(ballast, Buffer.alloc(ballastBytes));
    await this.#start();
    for (const ballast of ballasts) {
      await this.#fill();
      await this.#compare('on the full disk');
      await rm(ballast);
      if (!(await this.#write(valueChars[1] ?? 0))) this.violations.push('writes do not go on when there is space');
    }
    await this.#fill();
    await this.#kill();
    await this.#startOnFullDisk();
    await this.#kill();
    // The disk is larger now.
    await runProgram('mount', ['-o', `remount,size=${diskMiB * 2}m`, this.#folder]);
    await this.#start();
    await this.#compare('after a restart');
    if (!(await this.#write(valueChars[0] ?? 0))) this.violations.push('writes do not go on after a restart');
  }

  async dispose(): Promise<void> {
    await this.#kill();
  }

  async #start(): Promise<void> {
    const server = await startApiProcess({ program: this.#program, dataDir: join(this.#folder, 'data') });
    if ('failed' in server) throw new Error(`the server does not start: ${server.failed}`);
    this.starts++;
    this.#server = server;
    this.#connection = new Connection(server);
  }

  /** It starts, or says why it cannot. */
  async #startOnFullDisk(): Promise<void> {
    const server = await startApiProcess({ program: this.#program, dataDir: join(this.#folder, 'data') });
    if ('failed' in server) {
      this.startOnFull = `refused (${server.failed})`;
      if (!/full|no space/i.test(server.failed)) this.violations.push(`it does not say why: ${server.failed}`);
      return;
    }
    this.startOnFull = 'started';
    this.#server = server;
    this.#connection = new Connection(server);
    await this.#compare('started on the full disk');
  }

  async #kill(): Promise<void> {
    this.#connection?.dispose();
    await this.#server?.kill();
    this.#server = undefined;
  }

  /** Until each size is refused. */
  async #fill(): Promise<void> {
    for (const chars of valueChars) {
      for (let count = 0; await this.#write(chars); count++) {
        if (count > maxWrites) throw new Error('the disk does not get full');
      }
    }
  }

  /** False when it was refused. */
  async #write(chars: number): Promise<boolean> {
    const name = `map-${this.written + this.refused}`;
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value: 'z'.repeat(chars) } };
    const answer = await this.#call({ method: 'POST', path: collectionPath, body });
    if (answer.status === 201) {
      this.#names.add(name);
      this.written++;
      return true;
    }
    this.refused++;
    const message = answer.body.message ?? '';
    if (!message.includes('is full')) this.violations.push(`refused with ${answer.status} ${message}`);
    return false;
  }

  async #compare(when: string): Promise<void> {
    const { status, body } = await this.#call({ method: 'GET', path: collectionPath });
    const found = new Set((body.items ?? []).map((item) => item.metadata?.name ?? ''));
    const lost = [...this.#names].filter((name) => !found.has(name));
    if (status !== 200) this.violations.push(`${when}: the list was answered ${status}`);
    if (lost.length > 0) this.violations.push(`${when}: ${lost.length} of ${this.#names.size} are not there`);
    if (found.size > this.#names.size) this.violations.push(`${when}: a refused write is there`);
  }

  #call(call: Parameters<Connection['call']>[0]): ReturnType<Connection['call']> {
    if (this.#connection === undefined) throw new Error('the server is not running');
    return this.#connection.call(call);
  }
}
