/** Local mirrors of what a repository of Flux 2 reads: its own branches, charts, and manifests in a registry. */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCharts } from '../adoption/servers.mjs';
import { must } from '../releases/place.mjs';

export function envOf(place) {
  return { PATH: process.env.PATH, HOME: join(place.work, 'home'), KUBECONFIG: place.kubeconfig };
}

/** `{ git, charts, registry }`: where everything is now. */
export async function mirror(place, repository, checkout) {
  const server = await startCharts();
  place.ends.push(() => server.dispose());
  const words = {
    git: `${place.up.git.replace(/\/$/, '')}/acme/example.git`,
    charts: server.url,
    registry: place.up.registry.replace(/^https?:\/\//, '').replace(/\/$/, ''),
  };
  for (const chart of repository.charts ?? []) mirrorChart(place, chart, { server, registry: words.registry });
  for (const artifact of repository.artifacts ?? []) mirrorArtifact(place, artifact, words.registry);
  mirrorBranches(place, repository, { checkout, words });
  return words;
}

/** A chart of that name and version whose ConfigMap holds its values. */
function mirrorChart(place, { name, version, oci, crds = [] }, { server, registry }) {
  const chart = join(place.work, 'stand-ins', name);
  mkdirSync(join(chart, 'templates'), { recursive: true });
  mkdirSync(join(chart, 'crds'));
  writeFileSync(join(chart, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: ${version}\n`);
  writeFileSync(join(chart, 'values.yaml'), '{}\n');
  writeFileSync(
    join(chart, 'templates/values.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  values: {{ toJson .Values | quote }}\n',
  );
  crds.forEach((text, index) => writeFileSync(join(chart, `crds/${index}.yaml`), text));
  must(place.tools.helm3, ['package', chart, '-d', place.work]);
  const file = join(place.work, `${name}-${version}.tgz`);
  if (oci === undefined) server.add({ name, version, file });
  else must(place.tools.helm3, ['push', file, `oci://${registry}/${oci}`, '--plain-http'], { env: envOf(place) });
}

function mirrorArtifact(place, { url, tag, files }, registry) {
  const folder = join(place.work, 'artifact', url.replaceAll('/', '-'));
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const args = ['push', 'artifact', `oci://${registry}/${url}:${tag}`, '--path', folder, '--insecure-registry'];
  must(place.tools.flux, [...args, '--source', 'stand-in', '--revision', `${tag}@sha1:${'0'.repeat(40)}`], {
    env: envOf(place),
  });
}

/** What is checked out becomes `main`; other branches keep their names. */
function mirrorBranches(place, { branches = {}, edit, remove = [] }, { checkout, words }) {
  const env = { ...envOf(place), GIT_CONFIG_NOSYSTEM: '1' };
  for (const role of ['AUTHOR', 'COMMITTER'])
    for (const [key, value] of Object.entries({ NAME: 'a', EMAIL: 'a@example.com', DATE: '2026-01-01T00:00:00Z' }))
      env[`GIT_${role}_${key}`] = value;
  for (const [branch, revision] of [['main', undefined], ...Object.entries(branches)]) {
    const copy = join(place.work, 'branches', branch);
    mkdirSync(copy, { recursive: true });
    if (revision === undefined)
      cpSync(checkout, copy, { recursive: true, filter: (path) => !/\/\.git(\/|$)/.test(path) });
    else {
      const file = join(place.work, `${branch}.tar`);
      must('git', ['-C', checkout, 'archive', '-o', file, revision]);
      must('tar', ['-xf', file, '-C', copy]);
    }
    for (const path of remove) if (existsSync(join(copy, path))) rmSync(join(copy, path), { recursive: true });
    for (const file of readdirSync(copy, { recursive: true, encoding: 'utf8' })) {
      if (!/\.ya?ml$/.test(file)) continue;
      const text = readFileSync(join(copy, file), 'utf8');
      const edited = edit(text, words);
      if (edited !== text) writeFileSync(join(copy, file), edited);
    }
    must('git', ['init', '-q', '-b', branch, copy], { env });
    must('git', ['-C', copy, 'add', '-A'], { env });
    must('git', ['-C', copy, 'commit', '-q', '-m', 'Example'], { env });
    must('git', ['-C', copy, 'push', '-q', words.git, branch], { env });
  }
}
