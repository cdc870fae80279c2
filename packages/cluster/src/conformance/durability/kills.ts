/** Kills the API server at random moments while clients write, and looks at what is there afterwards. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, seededRandom, systemClock, type Random } from '@towpath/kit';
import { Connection, startApiProcess, type ApiProcess } from './api-process.ts';
import { collectionPath, History } from './history.ts';
import { Ledger, type Known } from './ledger.ts';
import { writeUntilKilled } from './writers.ts';

const writerCount = 6;
/** Writes before a kill, at most, and how long they are waited for: the kill comes somewhere in the next ones. */
const maxWrites = 80;
const maxWritingMs = 1_500;
const maxExtraMs = 10;
const lookEveryMs = 2;
/** One kill of so many comes while the server starts, at most so late. */
const startKillEvery = 8;
const maxStartMs = 600;
/** One check of so many repeats a watch, from at most so many events back: more than the server keeps. */
const repeatEvery = 5;
const maxEventsBack = 6_000;
const reachLimitMs = 30_000;
const maxPrinted = 20;

export interface KillOptions {
  readonly program: string;
  readonly kills: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

interface Campaign {
  readonly ledger: Ledger;
  readonly random: Random;
  history: History | undefined;
  repeats: number;
  repeatedEvents: number;
  expired: number;
  round: number;
}

/** The number of violations. */
export async function runKills(options: KillOptions): Promise<number> {
  const { program, kills, seed, print } = options;
  const folder = await mkdtemp(join(tmpdir(), 'towpath-kills-'));
  const random = seededRandom(seed);
  const ledger = new Ledger();
  const campaign: Campaign = {
    ledger,
    random,
    history: undefined,
    repeats: 0,
    repeatedEvents: 0,
    expired: 0,
    round: 0,
  };
  let startKills = 0;
  try {
    for (let kill = 1; kill <= kills; kill++) {
      campaign.round = kill;
      if (random.integer(startKillEvery) === 0) {
        startKills++;
        await killWhileStarting({ program, dataDir: folder }, random.integer(maxStartMs));
      } else await oneRound(campaign, await start(program, folder));
      if (kill % 50 === 0)
        print(`  ${kill} kills, ${ledger.checked} writes checked, ${ledger.violations.length} violations`);
    }
    // The last kill is looked at, too.
    campaign.round = kills + 1;
    await oneRound(campaign, await start(program, folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  for (const violation of ledger.violations.slice(0, maxPrinted)) print(`  VIOLATION ${violation}`);
  print(
    `kills: seed ${seed}, ${kills} kills (${startKills} while starting), ${ledger.checked} acknowledged writes checked, ` +
      `${campaign.history?.eventCount ?? 0} events watched across restarts, ${campaign.repeats} watches repeated ` +
      `(${campaign.repeatedEvents} events, ${campaign.expired} times 410), ${ledger.violations.length} violations`,
  );
  return ledger.violations.length;
}

async function start(program: string, dataDir: string): Promise<ApiProcess> {
  const server = await startApiProcess({ program, dataDir });
  if ('failed' in server) throw new Error(`the server does not start again: ${server.failed}`);
  return server;
}

/** It may also be ready before the kill. */
async function killWhileStarting(options: { program: string; dataDir: string }, afterMs: number): Promise<void> {
  const onSpawn = (child: { kill(signal: 'SIGKILL'): boolean }): void => {
    systemClock.startTimer(afterMs, () => child.kill('SIGKILL'));
  };
  const started = await startApiProcess({ ...options, onSpawn });
  if (!('failed' in started)) await started.kill();
}

async function oneRound(campaign: Campaign, server: ApiProcess): Promise<void> {
  const { ledger, random } = campaign;
  const connections = Array.from({ length: writerCount + 2 }, () => new Connection(server));
  const [first, watcher, ...writers] = connections;
  if (first === undefined || watcher === undefined) return;
  try {
    await checkState(campaign, first, watcher);
    const writing = writers.map((connection, index) => writeUntilKilled({ connection, ledger, random, index }));
    const until = ledger.writes + random.integer(maxWrites);
    const limitMs = systemClock.monotonicMs() + maxWritingMs;
    while (ledger.writes < until && systemClock.monotonicMs() < limitMs) await systemClock.sleep(lookEveryMs);
    await systemClock.sleep(random.integer(maxExtraMs));
    await server.kill();
    await Promise.all(writing);
  } catch (error) {
    ledger.fail(`round ${campaign.round}: ${messageOf(error)}`);
    await server.kill();
  } finally {
    for (const connection of connections) connection.dispose();
  }
}

/** Objects, resourceVersion and watches after a restart, while nobody writes. */
async function checkState(campaign: Campaign, connection: Connection, watcher: Connection): Promise<void> {
  const { ledger, random } = campaign;
  const before = await list(connection);
  ledger.reconcile(before.objects, before.rv);
  campaign.history ??= new History({ ledger, startRv: before.rv });
  const { history } = campaign;
  void history.follow(watcher);
  const marker = await mark(connection, ledger, campaign.round);
  const limit = systemClock.sleep(reachLimitMs).then(() => 'late' as const);
  if ((await Promise.race([history.reached(marker), limit])) === 'late') {
    ledger.fail(`a watch did not reach ${marker}`);
    return;
  }
  const after = await list(connection);
  if (textOf(history.objects) !== textOf(after.objects)) {
    ledger.fail(`round ${campaign.round}: the watched objects are not those of the list`);
  }
  if (random.integer(repeatEvery) !== 0) return;
  const fromRv = history.rvBefore(random.integer(maxEventsBack));
  if (fromRv >= marker) return;
  const found = await history.repeat(connection, fromRv, marker);
  campaign.repeats++;
  if (found === 'expired') campaign.expired++;
  else campaign.repeatedEvents += found;
}

/** Writes one object, and returns its resourceVersion: what watches must reach. */
async function mark(connection: Connection, ledger: Ledger, round: number): Promise<number> {
  const attempt = { name: 'marker', value: String(round) };
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: attempt.name },
    data: { value: attempt.value },
  };
  const isNew = ledger.known(attempt.name) === undefined;
  ledger.begin(attempt);
  const answer = isNew
    ? await connection.call({ method: 'POST', path: collectionPath, body: object })
    : await connection.call({ method: 'PUT', path: `${collectionPath}/${attempt.name}`, body: object });
  if (answer.status >= 300) throw new Error(`the marker was answered ${answer.status}: ${answer.body.message ?? ''}`);
  const rv = Number(answer.body.metadata?.resourceVersion);
  ledger.acknowledge(attempt, rv);
  return rv;
}

async function list(connection: Connection): Promise<{ rv: number; objects: Map<string, Known> }> {
  const { status, body } = await connection.call({ method: 'GET', path: collectionPath });
  if (status !== 200) throw new Error(`the list was answered ${status}: ${body.message ?? ''}`);
  const entries = (body.items ?? []).map((item): [string, Known] => [
    item.metadata?.name ?? '',
    { value: item.data?.['value'] ?? '', rv: Number(item.metadata?.resourceVersion) },
  ]);
  return { rv: Number(body.metadata?.resourceVersion), objects: new Map(entries) };
}

function textOf(objects: ReadonlyMap<string, Known>): string {
  return [...objects]
    .filter(([, known]) => known !== undefined)
    .map(([name, known]) => `${name}=${known?.value}@${known?.rv}`)
    .sort()
    .join(' ');
}
