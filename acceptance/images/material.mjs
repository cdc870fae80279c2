/** What the objects point at: images in the registry, and repositories with markers on the embedded Git server. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { must } from '../releases/place.mjs';

const images = {
  web: ['1.0.0', 'v1.1.0', '1.2.0', '2.0.0-rc.1', '2.0.0', 'latest', 'sha256-aa.sig'],
  build: ['main-aaaa-1600000001', 'main-bbbb-1600000003', 'main-cccc-1600000002', 'next-dddd-1600000009'],
  count: ['1', '2', '10', '9.5'],
  many: Array.from({ length: 14 }, (_, index) => `v0.${index}.0`),
};

export const registryHost = (place) => place.up.registry.replace(/^https?:\/\//, '').replace(/\/$/, '');

/** The images of one side; every tag is another manifest. */
export async function pushImages(place, owner) {
  for (const [name, tags] of Object.entries(images)) {
    for (const tag of tags) await pushTag(place, `${owner}/${name}`, tag);
  }
}

/** The same text gives the same digest, whatever the repository. */
export async function pushTag(place, repository, tag, text = tag) {
  const root = `${place.up.registry.replace(/\/$/, '')}/v2/${repository}`;
  const config = await pushBlob(root, Buffer.from(JSON.stringify({ text })));
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: type,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
    layers: [],
  });
  const put = await fetch(`${root}/manifests/${tag}`, { method: 'PUT', body, headers: { 'content-type': type } });
  if (!put.ok) throw new Error(`PUT ${repository}:${tag}: ${put.status} ${await put.text()}`);
}

async function pushBlob(root, bytes) {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const start = await fetch(`${root}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(start.headers.get('location'), root);
  place.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  const put = await fetch(place, { method: 'PUT', body: bytes, headers });
  if (!put.ok) throw new Error(`PUT blob: ${put.status} ${await put.text()}`);
  return { digest, size: bytes.length };
}

const gitEnv = (place) => ({
  PATH: process.env.PATH,
  HOME: join(place.work, 'home'),
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
  GIT_AUTHOR_DATE: '1700000000 +0000',
  GIT_COMMITTER_DATE: '1700000000 +0000',
});

export const gitUrl = (place, owner, name) => `${place.up.git.replace(/\/$/, '')}/${owner}/${name}.git`;

/** Adds files to a repository, which is made by the first push. */
export function pushFiles(place, owner, name, { files, branch = 'main', tag, programs = [] }) {
  const env = gitEnv(place);
  const folder = join(place.work, 'clones', owner, `${name}-${branch}`);
  const url = gitUrl(place, owner, name);
  const run = (...args) => must('git', ['-C', folder, ...args], { env }).trim();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  run('init', '-q', '-b', branch);
  run('remote', 'add', 'origin', url);
  try {
    run('pull', '-q', 'origin', branch);
  } catch {
    // The branch is new.
  }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  run('add', '-A');
  for (const file of programs) run('update-index', '--chmod=+x', file);
  run('commit', '-q', '-m', `Change ${Object.keys(files).join(', ')}`);
  if (tag !== undefined) run('tag', tag);
  run('push', '-q', 'origin', branch, ...(tag === undefined ? [] : [tag]));
}

/** Commits and files of every branch, as a fresh clone has them; `bot` marks what no hand pushed. */
export function readRepository(place, owner, name) {
  const env = gitEnv(place);
  const folder = join(place.work, 'clones', owner, `${name}.git`);
  rmSync(folder, { recursive: true, force: true });
  must('git', ['init', '-q', '--bare', folder], { env });
  const run = (...args) => must('git', ['-C', folder, ...args], { env });
  try {
    run('fetch', '-q', gitUrl(place, owner, name), '+refs/*:refs/*');
  } catch (error) {
    return { problem: String(error.message).split('\n')[0] };
  }
  const branches = run('for-each-ref', '--format=%(refname)').trim().split('\n');
  return Object.fromEntries(
    branches.filter(Boolean).map((branch) => {
      const commits = run('log', '--format=%an <%ae>%n%cn <%ce>%n%GK%n%B%x00', branch).split('\0');
      // Whether a message ends with its line is git's custom, not go-git's.
      const log = commits.map((commit) => commit.trim());
      const entries = run('ls-tree', '-r', '--format=%(objectmode) %(path)', branch).trim().split('\n');
      const files = Object.fromEntries(
        entries.map((entry) => [entry, run('show', `${branch}:${entry.slice(entry.indexOf(' ') + 1)}`)]),
      );
      return [branch, { log, files }];
    }),
  );
}

const passphrase = 'secret words';

/** The data of a Secret with a protected signing key; the same key for both sides. */
export function signingKey(place, type) {
  const file = join(place.work, `key-${type}`);
  if (!existsSync(file)) (type === 'ssh' ? makeSshKey : makeGpgKey)(place, file);
  const key = readFileSync(file, 'utf8');
  return type === 'ssh' ? { identity: key, password: passphrase } : { 'git.asc': key, passphrase };
}

function makeSshKey(_place, file) {
  must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', '', '-f', file]);
}

function makeGpgKey(place, file) {
  const home = join(place.work, 'gpg');
  mkdirSync(home, { mode: 0o700 });
  const common = ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', passphrase];
  must('gpg', [...common, '--quick-gen-key', 'Flux <flux@example.com>', 'rsa2048', 'sign', 'never']);
  writeFileSync(file, must('gpg', [...common, '--armor', '--export-secret-keys']));
  must('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
}

const tlsServers = new Map();

/** One for both sides and all scenarios. */
export function tlsServer(place, client = false) {
  const id = `${place.work} ${client}`;
  if (!tlsServers.has(id)) tlsServers.set(id, startTls(place, client));
  return tlsServers.get(id);
}

/** Registry and Git server behind TLS, with a certificate of its own that a client has to know; `client: true` wants one from it. */
async function startTls(place, client) {
  const folder = join(place.work, `tls-${client}`);
  mkdirSync(folder, { recursive: true });
  const make = (name, extra) =>
    must('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`, ...extra], {
      cwd: folder,
    });
  make('server', ['-keyout', 'server.key', '-out', 'server.crt', '-addext', 'subjectAltName=IP:127.0.0.1']);
  make('client', ['-keyout', 'client.key', '-out', 'client.crt', '-addext', 'extendedKeyUsage=clientAuth']);
  const read = (name) => readFileSync(join(folder, name), 'utf8');
  const options = { cert: read('server.crt'), key: read('server.key') };
  const mutual = { requestCert: true, rejectUnauthorized: true, ca: read('client.crt') };
  const server = createServer({ ...options, ...(client && mutual) }, (asked, answer) => {
    const { method, url, headers } = asked;
    const sent = request(new URL(url, place.up.registry), { method, headers }, (found) => {
      answer.writeHead(found.statusCode, found.headers);
      found.pipe(answer);
    });
    asked.pipe(sent);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  place.ends.push(() => server.close());
  const data = {
    'ca.crt': options.cert,
    ...(client && { 'tls.crt': read('client.crt'), 'tls.key': read('client.key') }),
  };
  return { host: `127.0.0.1:${server.address().port}`, data };
}
