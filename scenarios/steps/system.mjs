/** Steps about Towpath as a program: start, kill, wait, run its commands, its data folder. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { check } from '../world.mjs';
import { isAlive, treeOf } from './processes.mjs';

export const systemSteps = [
  { pattern: 'start', run: (world) => world.start([]) },
  { pattern: 'start bare', run: (world) => world.start(['--bare']) },
  { pattern: 'start again', run: (world) => world.start(world.flags) },
  { pattern: 'wait ready', retry: true, run: (world) => world.readReady() },
  { pattern: 'stop', run: (world) => world.end('SIGTERM') },
  {
    pattern: 'kill -9 towpath',
    async run(world) {
      world.notes.tree = treeOf(world.child.pid).filter(({ pid }) => pid !== world.child.pid);
      await world.end('SIGKILL');
    },
  },
  {
    /** Right when the revision is written, before the upgrade is over. */
    pattern: 'kill -9 towpath when release <release> is <status>',
    async run(world, { release, status }, { limitMs }) {
      const { namespace, name } = world.key(release);
      const selector = encodeURIComponent(`owner=helm,name=${name},status=${status}`);
      await world.watch(
        `${world.path('secret', { namespace })}?watch=1&labelSelector=${selector}`,
        ({ type }) => type === 'ADDED',
        limitMs,
      );
      world.notes.tree = treeOf(world.child.pid).filter(({ pid }) => pid !== world.child.pid);
      await world.end('SIGKILL');
    },
  },
  {
    pattern: 'expect no pod process',
    run(world) {
      const { tree } = world.notes;
      check(tree !== undefined && tree.length > 0, 'there were pod processes before the kill');
      const left = tree.filter(isAlive);
      check(
        left.length === 0,
        `${left.length} of ${tree.length} processes still run`,
        left.map(({ pid, command }) => `${pid} ${command}`).join('\n'),
      );
    },
  },
  {
    pattern: 'run towpath <args...>',
    async run(world, { args }, { body, limitMs }) {
      const words = args.split(/\s+/).map((word) => substitute(world, word));
      world.result = await world.towpath(words, { input: body, limitMs: Math.max(limitMs, 60_000) });
    },
  },
  {
    pattern: 'expect exit <code>',
    run: (world, { code }) =>
      check(world.result?.code === Number(code), `exit code ${code}`, `${world.result?.code}\n${world.result?.all}`),
  },
  {
    pattern: 'expect output <regex>',
    run: (world, { regex }) => check(regex.test(world.result?.all ?? ''), `output ${regex}`, world.result?.all),
  },
  {
    /** One sentence, then what to do next: no stack, no log lines. */
    pattern: 'expect one sentence <regex>',
    run(world, { regex }) {
      const text = (world.result?.stderr ?? '').trim();
      check(regex.test(text), `stderr ${regex}`, text);
      check(text.split('\n').length <= 2 && !/^\s+at /m.test(text), 'one sentence and the next step', text);
    },
  },
  {
    pattern: 'expect log <regex>',
    run: (world, { regex }) => check(regex.test(world.upLog()), `the log says ${regex}`, world.upLog()),
  },
  {
    pattern: 'expect running',
    run: (world) =>
      check(world.child?.exitCode === null && world.child.signalCode === null, 'towpath up runs', world.upLog()),
  },
  {
    pattern: 'expect ended',
    run: (world) =>
      check(world.child?.exitCode !== null || world.child.signalCode !== null, 'towpath up has ended', world.upLog()),
  },
  {
    pattern: 'occupy port <name>',
    async run(world, { name }) {
      const port = JSON.parse(readFileSync(join(world.data, 'ports.json'), 'utf8'))[name];
      world.squatter = createServer().listen(port, '127.0.0.1');
      await new Promise((resolve, reject) => world.squatter.once('listening', resolve).once('error', reject));
      world.ends.push(() => freePort(world));
    },
  },
  { pattern: 'free port', run: freePort },
  {
    /** A server at `$REFUSER` that wants credentials nobody has. */
    pattern: 'serve a repository that refuses everybody',
    async run(world) {
      const server = createHttpServer((_request, response) => {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      }).listen(0, '127.0.0.1');
      await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
      world.refuser = `http://127.0.0.1:${server.address().port}`;
      world.ends.push(() => new Promise((resolve) => server.close(resolve)));
    },
  },
  {
    /** A file outside the repository and the data folder: `$WORK/<file>`. */
    pattern: 'file <file>',
    run(world, { file }, { body }) {
      const path = join(world.work, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, body ?? '');
    },
  },
  {
    /** Keeps what was there for `restore data`. */
    pattern: 'write data <file>',
    run(world, { file }, { body }) {
      const path = join(world.data, file);
      world.saved = { path, text: existsSync(path) ? readFileSync(path) : undefined };
      writeFileSync(path, body ?? '');
    },
  },
  {
    pattern: 'restore data',
    run(world) {
      check(world.saved?.text !== undefined, 'something was written before');
      writeFileSync(world.saved.path, world.saved.text);
    },
  },
  {
    pattern: 'expect data kept',
    run: (world) => check(readdirSync(join(world.data, 'store')).includes('data.mdb'), 'the store is there'),
  },
];

function freePort(world) {
  if (world.squatter === undefined) return undefined;
  const { squatter } = world;
  world.squatter = undefined;
  return new Promise((resolve) => squatter.close(resolve));
}

/** `$DATA`, `$CHARTS` (folder), `$WORK`, `$REFUSER`, and the addresses of ready.json: `$GIT`, `$REGISTRY`, … */
function substitute(world, word) {
  const names = { REFUSER: world.refuser, DATA: world.data, CHARTS: join(world.assets, 'charts'), WORK: world.work };
  return word.replace(/\$([A-Z]+)/g, (whole, name) => names[name] ?? world.ready?.[name.toLowerCase()] ?? whole);
}
