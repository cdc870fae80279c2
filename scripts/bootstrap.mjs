/**
 * `npm start`, `npm test`, `npm run acceptance` and `npm run scenarios` on a fresh clone: installs and builds what is missing, then runs it.
 * Node built-ins only, since nothing is installed yet.
 */

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  fail(
    `Node ${process.versions.node} is too old: Towpath needs Node 20.19 or later. Install it and run the command again.`,
  );
}
if (spawnSync('git', ['--version'], { stdio: 'ignore' }).status !== 0) {
  fail('the git command was not found: Towpath needs it. Install git and run the command again.');
}

const [mode = 'start', ...args] = process.argv.slice(2);
install();
if (mode === 'start') start();
else if (mode === 'test') run(bin('vitest'), ['run', ...args]);
else if (mode === 'acceptance' || mode === 'scenarios') play();
else fail(`unknown mode ${mode}: use start, test, acceptance or scenarios`);

/** Installs when package-lock.json is not the one that node_modules was made from. */
function install() {
  const stamp = join(root, 'node_modules', '.towpath-lock');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.error('installing packages (npm ci)…');
  const npm = process.env.npm_execpath;
  const command = npm === undefined ? ['npm'] : [process.execPath, npm];
  const result = spawnSync(
    command[0],
    [...command.slice(1), 'ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  );
  if (result.status !== 0)
    fail('npm ci failed: see the lines above; check the network and the npm registry, then run the command again.');
  writeFileSync(stamp, wanted);
}

function start() {
  const program = buildIfNeeded();
  const named = args.length > 0 && !args[0].startsWith('-');
  run(process.execPath, [program, ...(named ? args : ['up', ...args])]);
}

/** The walk and the scenarios run against the build, or against the one that --dist names. */
function play() {
  if (!args.some((arg) => arg.startsWith('--dist'))) buildIfNeeded();
  run(process.execPath, [join(root, mode, 'run.mjs'), ...args]);
}

/** Builds when a source is newer than dist/; returns the program. */
function buildIfNeeded() {
  const program = join(root, 'dist', 'towpath.js');
  if (!existsSync(program) || newestIn(['packages', 'charts', 'shop', 'scripts']) > statSync(program).mtimeMs) {
    console.error('building…');
    const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    if (built.status !== 0) fail('the build failed: see the lines above.');
  }
  return program;
}

function newestIn(folders) {
  let newest = 0;
  const visit = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === 'dist') continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) newest = Math.max(newest, statSync(path).mtimeMs);
    }
  };
  for (const folder of folders) if (existsSync(join(root, folder))) visit(join(root, folder));
  return newest;
}

function bin(name) {
  return join(root, 'node_modules', '.bin', name);
}

/** Runs a program to its end; signals are passed on, so that Ctrl-C stops everything cleanly. */
function run(command, commandArgs) {
  const child = spawn(command, commandArgs, {
    cwd: mode === 'test' ? root : (process.env.INIT_CWD ?? root),
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`${command} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
}

function fail(message) {
  console.error(`towpath: ${message}`);
  process.exit(1);
}
