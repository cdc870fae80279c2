/**
 * `npm run try-package [-- --tarball FILE]`: tries what would be published from a project outside the repository. Packs,
 * installs the tarball offline into a copy of examples/charts, compiles it with tsc, runs it in Node and in Chromium, and
 * compares the two outputs byte for byte. Exits 1 on any failure; names what could not be tried.
 */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { packInto } from './pack.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);
const browserTimeoutMs = 120_000;
const contentTypes = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript' };
const say = (line) => console.log(line);

const { values } = parseArgs({ options: { tarball: { type: 'string' } } });
const folder = await mkdtemp(join(tmpdir(), 'towpath-package-'));
try {
  const tarball = values.tarball === undefined ? await pack() : resolve(values.tarball);
  const project = join(folder, 'project');
  await cp(join(root, 'examples', 'charts'), project, { recursive: true });
  await install(project, tarball);
  await compile(project);
  const inNode = await runInNode(project);
  const chromium = findChromium();
  if (chromium === undefined) {
    say('not tried in a browser: no Chromium on PATH (set CHROMIUM to its path)');
  } else {
    compare(inNode, await runInBrowser(project, chromium));
  }
  await measure(project);
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function pack() {
  const { filename, files, size } = await packInto(folder);
  const allowed = /^(?:bin\/|dist\/|README\.md$|LICENSE$|package\.json$)/;
  const strange = files.map(({ path }) => path).filter((path) => !allowed.test(path));
  if (strange.length > 0) throw new Error(`the tarball holds what is not to be published: ${strange.join(', ')}`);
  say(`packed ${filename}: ${files.length} files, ${kilobytes(size)}`);
  return join(folder, filename);
}

/** The entry needs no other package: nothing is fetched. */
async function install(project, tarball) {
  const flags = ['--offline', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['install', ...flags, tarball], { cwd: project });
  const installed = (await readdir(join(project, 'node_modules'))).filter((name) => !name.startsWith('.'));
  if (installed.join(' ') !== 'towpath') throw new Error(`more than towpath was installed: ${installed.join(' ')}`);
  say('installed offline: one package');
}

/** Once as Node resolves modules and once as bundlers do, with neither Node's types nor the browser's. */
async function compile(project) {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const bundlers = ['--module', 'esnext', '--moduleResolution', 'bundler', '--noEmit'];
  for (const args of [[], bundlers]) {
    await run(tsc, ['-p', project, ...args]).catch((error) => {
      throw new Error(`tsc ${args.join(' ')}:\n${error.stdout}`);
    });
  }
  say('compiled by tsc as Node resolves modules and as bundlers do');
}

async function runInNode(project) {
  const { stdout } = await run(process.execPath, ['main.js'], { cwd: project });
  if (!stdout.startsWith('== first\n---\n')) throw new Error(`unexpected output of Node:\n${stdout.slice(0, 500)}`);
  say(`rendered in Node ${process.versions.node}: ${stdout.length} characters`);
  return stdout;
}

function findChromium() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
  const found = (process.env.PATH ?? '').split(delimiter).flatMap((path) => names.map((name) => join(path, name)));
  return [process.env.CHROMIUM ?? '', ...found].find((path) => path !== '' && existsSync(path));
}

/** Serves the project on loopback, opens its page, and answers what the page sends back. */
async function runInBrowser(project, chromium) {
  let received;
  const output = new Promise((done) => {
    received = done;
  });
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    if (request.method === 'POST') {
      const parts = [];
      for await (const part of request) parts.push(part);
      response.end();
      received(Buffer.concat(parts).toString());
      return;
    }
    const file = join(project, pathname === '/' ? 'index.html' : pathname);
    const isFile = (await stat(file).catch(() => undefined))?.isFile() === true;
    response.writeHead(isFile ? 200 : 404, { 'content-type': contentTypes[extname(file)] ?? 'text/plain' });
    response.end(isFile ? await readFile(file) : '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const flags = ['--headless=new', '--disable-gpu', '--no-first-run', `--user-data-dir=${join(folder, 'profile')}`];
  // Chromium has no sandbox for root.
  if (process.getuid?.() === 0) flags.push('--no-sandbox');
  const browser = spawn(chromium, [...flags, `http://127.0.0.1:${server.address().port}/`], { stdio: 'ignore' });
  const exited = once(browser, 'exit');
  const timer = new AbortController();
  try {
    const late = new Promise((_done, fail) => {
      const handle = setTimeout(() => fail(new Error(`${chromium} sent no output`)), browserTimeoutMs);
      timer.signal.addEventListener('abort', () => clearTimeout(handle));
    });
    return await Promise.race([output, late, exited.then(() => Promise.reject(new Error(`${chromium} ended`)))]);
  } finally {
    timer.abort();
    browser.kill();
    await exited;
    server.closeAllConnections();
    server.close();
  }
}

function compare(inNode, inBrowser) {
  if (inBrowser === inNode) {
    say('rendered in Chromium: the same bytes');
    return;
  }
  const theirs = inBrowser.split('\n');
  const at = inNode.split('\n').findIndex((line, index) => line !== theirs[index]);
  throw new Error(`Chromium differs from Node in line ${at + 1}:\n${inNode.split('\n')[at]}\n${theirs[at]}`);
}

/** The entry's size and what importing it costs a new process. */
async function measure(project) {
  const rounds = 5;
  for (const name of ['charts.mjs', 'charts.node.mjs']) {
    const file = join(project, 'node_modules', 'towpath', 'dist', name);
    const data = await readFile(file);
    const program = join(folder, 'import.mjs');
    const source = `const before = performance.now(); await import(${JSON.stringify(file)}); console.log(performance.now() - before);`;
    await writeFile(program, source);
    const times = [];
    for (let round = 0; round < rounds; round += 1) times.push(Number((await run(process.execPath, [program])).stdout));
    const best = Math.min(...times).toFixed(0);
    say(
      `${name}: ${kilobytes(data.length)}, ${kilobytes(gzipSync(data, { level: 9 }).length)} as gzip, imported in ${best} ms`,
    );
  }
}

function kilobytes(bytes) {
  return `${Math.round(bytes / 1000)} kB`;
}
