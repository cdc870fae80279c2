/** Building with another engine: a stand-in for podman that writes an OCI archive. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@towpath/kit';
import { digestOf, encodeConfig, encodeManifest, mediaTypes } from '@towpath/registry';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { buildExternally, findBuilder } from './external.ts';
import { importArchive } from './import.ts';
import { LocalImages } from './local-store.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'towpath-external-'));
  await mkdir(join(folder, 'bin'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

async function writeArchive(file: string): Promise<string> {
  const layer = Buffer.alloc(1024);
  const config = encodeConfig({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
  const manifest = encodeManifest({
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
    layers: [{ mediaType: mediaTypes.ociLayerTar, digest: digestOf(layer), size: layer.length }],
  });
  const index = {
    schemaVersion: 2,
    manifests: [{ mediaType: mediaTypes.ociManifest, digest: digestOf(manifest), size: manifest.length }],
  };
  const archive = pack();
  archive.entry({ name: 'oci-layout' }, '{}');
  archive.entry({ name: 'index.json' }, JSON.stringify(index));
  for (const blob of [layer, config, manifest])
    archive.entry({ name: `blobs/sha256/${digestOf(blob).slice(7)}` }, blob);
  archive.finalize();
  await pipeline(archive, createWriteStream(file));
  return digestOf(config);
}

const saves = (): string => `echo "$@" >> ${folder}/calls; if [ "$1" = save ]; then cp ${folder}/prepared.tar "$5"; fi`;

it.each([
  ['takes over what another engine built', ''],
  [
    'builds in a changed root where the engine cannot make a container',
    `case "$1 $2" in "build -t") echo 'error running container: from /usr/bin/crun creating container for [/bin/sh]: no'; exit 1;; esac`,
  ],
])('%s', async (_, first) => {
  const imageId = await writeArchive(join(folder, 'prepared.tar'));
  await program('podman', `${first}\n${saves()}`);
  const images = new LocalImages({ dir: join(folder, 'store'), clock: systemClock });
  const env = { PATH: `${folder}/bin:/usr/bin:/bin` };
  const builder = await findBuilder({ clock: systemClock, env });
  if (builder === undefined) throw new Error('no builder');

  const id = await buildExternally({
    builder,
    clock: systemClock,
    env,
    contextDir: folder,
    dockerfile: join(folder, 'Dockerfile'),
    buildArgs: { A: '1' },
    scratchDir: join(folder, 'scratch'),
    say: () => {},
    take: (file) =>
      importArchive({
        file,
        tags: ['acme/a:v1', 'acme/a:v2'],
        images,
        platform: { os: 'linux', architecture: 'amd64' },
      }),
  });

  expect(id).toBe(imageId);
  expect((await images.get('acme/a:v2')).digest).toBe((await images.get('acme/a:v1')).digest);
});

it('does not build twice when an instruction fails', async () => {
  await program('podman', `${saves()}\necho no such file; exit 1`);
  const options = { clock: systemClock, env: { PATH: `${folder}/bin:/usr/bin:/bin` } };
  const builder = { name: 'podman', program: join(folder, 'bin', 'podman') } as const;
  const more = { contextDir: folder, dockerfile: 'D', buildArgs: {}, scratchDir: join(folder, 'scratch') };
  const built = buildExternally({ ...options, ...more, builder, say: () => {}, take: async () => '' });

  await expect(built).rejects.toMatchObject({ code: 'DOCKER_IMAGE' });
  const calls = await readFile(join(folder, 'calls'), 'utf8');
  expect(calls.match(/^build/gm)).toHaveLength(1);
});

it('finds no engine whose server does not answer, and never itself', async () => {
  await program('docker', 'exit 1');
  await program('podman', 'exit 125');

  const silent: string[] = [];
  const none = await findBuilder({
    clock: systemClock,
    env: { PATH: `${folder}/bin` },
    onSilent: (name) => silent.push(name),
  });
  await program('docker', 'exit 0');
  const own = await findBuilder({ clock: systemClock, env: { PATH: `${folder}/bin` }, skipFolder: `${folder}/bin` });

  expect([none, own]).toEqual([undefined, undefined]);
  expect(silent).toEqual(['podman', 'docker']);
});
