/** What the sources point at: a repository on the embedded Git server, charts over HTTP, and artifacts in the registry. */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCharts } from '../adoption/servers.mjs';
import { must } from '../releases/place.mjs';

const chartFiles = (version) => ({
  'Chart.yaml': `apiVersion: v2\nname: demo\nversion: ${version}\n`,
  'values.yaml': 'replicas: 1\nmessage: hello # of the day\nlist: [a, b]\n',
  'values-prod.yaml': 'replicas: 3\nlist: [c]\n',
  'templates/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n',
});

function write(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

export async function prepareMaterial(place) {
  const git = pushRepository(place);
  const charts = await startCharts();
  place.ends.push(() => charts.dispose());
  const registry = place.up.registry.replace(/^https?:\/\//, '').replace(/\/$/, '');
  for (const version of ['1.0.0', '1.1.0']) {
    const folder = join(place.work, `chart-${version}`, 'demo');
    write(folder, chartFiles(version));
    must(place.tools.helm3, ['package', folder, '-d', place.work]);
    const file = join(place.work, `demo-${version}.tgz`);
    charts.add({ name: 'demo', version, file });
    const env = { PATH: process.env.PATH, HOME: place.work };
    must(place.tools.helm3, ['push', file, `oci://${registry}/charts`, '--plain-http'], { env });
  }
  let digest = '';
  for (const version of ['1.0.0', '1.1.0']) digest = await pushManifests(place.up.registry, version, place);
  return { ...git, charts: charts.url, registry, digest };
}

function pushRepository(place) {
  const folder = join(place.work, 'app');
  const url = `${place.up.git.replace(/\/$/, '')}/acme/app.git`;
  const env = {
    PATH: process.env.PATH,
    HOME: join(place.work, 'home'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@example.com',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@example.com',
  };
  const run = (...args) => must('git', ['-C', folder, ...args], { env }).trim();
  const chart = Object.entries(chartFiles('0.1.0')).map(([name, text]) => [`charts/demo/${name}`, text]);
  write(folder, {
    'README.md': '# app\n',
    'docs/one.md': 'one\n',
    'docs/picture.png': 'no picture',
    'deploy/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n',
    'deploy/run.sh': '#!/bin/sh\n',
    'deploy/.sourceignore': 'secret.txt\n',
    'deploy/secret.txt': 'x',
    '.github/workflows/a.yaml': 'a: 1\n',
    ...Object.fromEntries(chart),
  });
  must('git', ['init', '-q', '-b', 'main', folder], { env });
  must('chmod', ['+x', join(folder, 'deploy/run.sh')]);
  run('add', '-A');
  run('commit', '-q', '-m', 'First commit\n\nwith a body');
  const firstCommit = run('rev-parse', 'HEAD');
  run('tag', 'v1.0.0');
  write(folder, { 'deploy/config.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app2\n' });
  run('commit', '-q', '-am', 'Second commit');
  run('tag', '-a', '-m', 'one', 'v1.1.0');
  run('branch', 'master');
  run('push', '-q', url, 'main', 'master', 'v1.0.0', 'v1.1.0');
  return { git: url, firstCommit };
}

/** As `flux push artifact` stores a folder. */
async function pushManifests(registry, version, place) {
  const folder = join(place.work, `manifests-${version}`);
  write(folder, { 'a.yaml': `version: ${version}\n`, 'b/c.yaml': 'c: 1\n', 'notes.md': 'n\n' });
  const tgz = must('tar', ['-C', folder, '-czf', '-', '.'], { encoding: 'buffer' });
  const root = `${registry.replace(/\/$/, '')}/v2/manifests/app`;
  const layer = await pushBlob(root, tgz);
  const config = await pushBlob(root, Buffer.from('{}'));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.cncf.flux.config.v1+json', ...config },
      layers: [{ mediaType: 'application/vnd.cncf.flux.content.v1.tar+gzip', ...layer }],
      annotations: {
        'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
        'org.opencontainers.image.source': 'https://example.com/app.git',
        'org.opencontainers.image.revision': `${version}@sha1:0123456789012345678901234567890123456789`,
      },
    }),
  );
  const put = await fetch(`${root}/manifests/${version}`, {
    method: 'PUT',
    body: manifest,
    headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
  });
  if (!put.ok) throw new Error(`PUT manifest: ${put.status} ${await put.text()}`);
  return digestOf(manifest);
}

async function pushBlob(root, bytes) {
  const start = await fetch(`${root}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(start.headers.get('location'), root);
  place.searchParams.set('digest', digestOf(bytes));
  const put = await fetch(place, {
    method: 'PUT',
    body: bytes,
    headers: { 'content-type': 'application/octet-stream' },
  });
  if (!put.ok) throw new Error(`PUT blob: ${put.status} ${await put.text()}`);
  return { digest: digestOf(bytes), size: bytes.length };
}

function digestOf(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
