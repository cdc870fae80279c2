/** What changes come from: the Git server, the registry, the chart repository, and the one port they share. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join } from 'node:path';
import {
  createGit,
  createGitServer,
  parseSeedEdits,
  seedRepository,
  type GitServer,
  type PushEvent,
} from '@towpath/git';
import { Disposer, TowpathError, type Clock, type Disposable, type Logger } from '@towpath/kit';
import type { RequestHandler } from '@towpath/metrics';
import { createRegistry, type Registry, type TagEvent } from '@towpath/registry';
import { chartRepository } from '@towpath/releases';
import { demoRepository } from './components.ts';
import type { DataDir } from './data-dir.ts';
import { createFront, type Handler } from './front.ts';

/** Read-only: what `--bare` offers to clone. */
export const startRepository = 'start/microservices-demo';

export interface SourcesOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly data: DataDir;
  /** Folder with `charts/` and `shop/`. */
  readonly assetsDir: string;
  readonly port: number;
}

/** Told of every push once they are set; pushes before that are published when they are. */
export interface SourceEvents {
  onPush(event: PushEvent): Promise<void>;
  onTag(event: TagEvent): Promise<void>;
}

export interface Sources extends Disposable {
  readonly url: string;
  readonly git: GitServer;
  readonly registry: Registry;
  readonly chartsDir: string;
  /** From now on pushes are told; what was pushed before is told at once. */
  connect(events: SourceEvents): Promise<void>;
  setDashboard(handler: Handler): void;
  /** Prometheus' handler while it runs; returns the end. */
  exposeMetrics(handler: RequestHandler): () => void;
  /** Makes the demonstration repository, or with `bare` the start repository, unless it exists. */
  seed(options: { bare: boolean }): Promise<void>;
}

export async function startSources(options: SourcesOptions): Promise<Sources> {
  const { clock, log, data, assetsDir } = options;
  let events: SourceEvents | undefined;
  let dashboard: Handler = notYet('the dashboard');
  let metrics: Handler = notYet('Prometheus');
  const git = createGitServer({
    dir: await data.folder('git'),
    clock,
    log,
    onPush: async (event) => events?.onPush(event),
    isReadOnly: (repository) => repository === startRepository,
  });
  const registry = createRegistry({
    dir: await data.folder('registry'),
    clock,
    log,
    onTag: async (event) => events?.onTag(event),
  });
  const chartsDir = join(assetsDir, 'charts');
  const charts = chartRepository({ charts: chartsDir, log });
  const front = createFront({
    git: (req, res) => git.handle(req, res),
    registry: (req, res) => registry.handle(req, res),
    charts,
    metrics: (req, res) => metrics(req, res),
    dashboard: (req, res) => dashboard(req, res),
  });
  await listen(front, options.port);
  const ends = new Disposer();
  ends.add(async () => {
    front.closeAllConnections();
    await new Promise((resolve) => front.close(resolve));
    await Promise.all([git.idle(), registry.idle()]);
  });
  return {
    url: `http://127.0.0.1:${options.port}`,
    git,
    registry,
    chartsDir,
    async connect(next) {
      events = next;
      await git.publish();
      await registry.publish();
    },
    setDashboard(handler) {
      dashboard = handler;
    },
    exposeMetrics(handler) {
      metrics = (req, res) => handler(req, res);
      return () => {
        metrics = notYet('Prometheus');
      };
    },
    seed: ({ bare }) => seed({ git, clock, shopDir: join(assetsDir, 'shop'), bare }),
    dispose: () => ends.dispose(),
  };
}

function notYet(what: string): Handler {
  return (_request, response) => {
    response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '2' });
    response.end(`${what} is not running yet\n`);
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new TowpathError('PORT_TAKEN', `port ${port} cannot be used: ${error.message}`, {
          next: 'stop what listens there, or choose another with --http',
          cause: error,
        }),
      );
    });
    server.listen({ host: '127.0.0.1', port }, resolve);
  });
}

interface SeedInput {
  readonly git: GitServer;
  readonly clock: Clock;
  readonly shopDir: string;
  readonly bare: boolean;
}

/** The list of edits itself is no part of either repository. */
const omitted = ['start.json'];

async function seed({ git, clock, shopDir, bare }: SeedInput): Promise<void> {
  const name = bare ? startRepository : demoRepository;
  const into = git.folder(name);
  if (existsSync(into)) return;
  const list = join(shopDir, 'start.json');
  await seedRepository({
    git: createGit({ clock }),
    from: shopDir,
    into,
    omit: omitted,
    edits: bare ? parseSeedEdits(await readFile(list, 'utf8'), list) : { branch: 'master', message: 'The shop' },
  });
}
