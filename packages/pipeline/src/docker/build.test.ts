/** Builds from Dockerfiles: what is in the image, that it repeats, what is refused. */

import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FakeClock } from '@towpath/kit/testing';
import { parseImageConfig, parseManifest, type ImageConfig } from '@towpath/registry';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildImage, type BaseImage } from './build.ts';
import { compileDockerignore } from './context.ts';
import { expandDockerVariables, parseDockerfile } from './dockerfile.ts';
import { LocalImages } from './local-store.ts';

let folder: string;
let images: LocalImages;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'towpath-build-'));
  images = new LocalImages({ dir: join(folder, 'store'), clock: new FakeClock() });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function context(files: Readonly<Record<string, string>>, at = 'context'): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, at, path)), { recursive: true });
    await writeFile(join(folder, at, path), text);
  }
  return join(folder, at);
}

async function build(
  dockerfile: string,
  contextDir: string,
  options: { tag?: string; args?: Record<string, string>; base?: BaseImage } = {},
) {
  const tag = options.tag ?? 'acme/a:v1';
  const built = await buildImage({
    contextDir,
    instructions: parseDockerfile(dockerfile, 'Dockerfile'),
    tags: [tag],
    buildArgs: options.args ?? {},
    images,
    platform: { os: 'linux', architecture: 'amd64' },
    scratchDir: join(folder, 'scratch'),
    findBase: async () => options.base,
    say: () => {},
  });
  const manifest = parseManifest((await images.get(tag)).bytes, tag);
  const config: ImageConfig = parseImageConfig(await bytesOf(manifest.config.digest), tag);
  const files: string[] = [];
  for (const layer of manifest.layers) files.push(...(await listTar(await bytesOf(layer.digest))));
  return { ...built, config, files };
}

async function bytesOf(digest: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of images.store.readBlob(digest)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function listTar(bytes: Buffer): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const found: string[] = [];
    const reader = extract();
    reader.on('entry', (header, stream, next) => {
      found.push(`${header.name} ${(header.mode ?? 0).toString(8)}${header.linkname ? ` -> ${header.linkname}` : ''}`);
      stream.resume();
      stream.on('end', next);
    });
    reader.on('finish', () => resolve(found));
    reader.on('error', reject);
    reader.end(bytes);
  });
}

describe('buildImage', () => {
  it('makes a thin image with the files and settings of the Dockerfile', async () => {
    const dir = await context({ 'dist/main.js': 'x', 'dist/sub/a.txt': 'y', 'b.txt': 'z' });

    const { config, files } = await build(
      `ARG BASE=node
FROM \${BASE}:20-slim
ARG LEVEL=one
ENV LEVEL_NAME=$LEVEL SPACED="a b"
WORKDIR /app
COPY dist/ .
COPY b.txt c.txt
EXPOSE 8080 9090/udp
LABEL z=1 a="two words"
USER 1000
ENTRYPOINT ["node", "main.js"]
CMD ["--flag"]
`,
      dir,
      { args: { LEVEL: 'two' } },
    );

    expect(files).toEqual([
      'app/ 755',
      'app/main.js 644',
      'app/sub/ 755',
      'app/sub/a.txt 644',
      'app/ 755',
      'app/c.txt 644',
    ]);
    expect(config.config).toEqual({
      User: '1000',
      ExposedPorts: { '8080/tcp': {}, '9090/udp': {} },
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LEVEL_NAME=two', 'SPACED=a b'],
      Entrypoint: ['node', 'main.js'],
      Cmd: ['--flag'],
      WorkingDir: '/app',
      Labels: { a: 'two words', 'dev.towpath.thin-base': 'node:20-slim', z: '1' },
    });
  });

  it('gives the same digest for the same files, whatever their times and order', async () => {
    const dockerfile = 'FROM scratch\nCOPY . /app/\n';
    const first = await build(dockerfile, await context({ 'b/x': '1', a: '2' }, 'one'));
    const second = await context({ a: '2', 'b/x': '1' }, 'two');
    await utimes(join(second, 'a'), 1, 1);

    expect((await build(dockerfile, second, { tag: 'acme/b:v2' })).manifestDigest).toBe(first.manifestDigest);
  });

  it('builds on a base: layers, environment and command are taken over', async () => {
    const dir = await context({ a: '1' });
    await build('FROM scratch\nCOPY a /base/\nENV X=1\nCMD ["run"]', dir, { tag: 'base:1' });
    const manifest = parseManifest((await images.get('base:1')).bytes, 'base:1');
    const base: BaseImage = {
      config: parseImageConfig(await bytesOf(manifest.config.digest), 'base'),
      layers: manifest.layers,
      open: (digest) => images.store.readBlob(digest) as AsyncIterable<Uint8Array>,
    };

    const { config, files } = await build('FROM base:1\nCOPY a /own/', dir, { base });

    expect(files).toEqual(['base/ 755', 'base/a 644', 'own/ 755', 'own/a 644']);
    expect(config.config).toMatchObject({ Env: ['X=1'], Cmd: ['run'] });
  });

  it('leaves out what .dockerignore names, and keeps links as links', async () => {
    const dir = await context({
      '.dockerignore': 'node_modules\n**/*.log\n!keep.log\n',
      'node_modules/a': '1',
      'x.log': '1',
      'keep.log': '1',
      'src/y.log': '1',
      'src/a': '1',
    });
    await symlink('/etc/passwd', join(dir, 'src', 'link'));

    const { files } = await build('FROM scratch\nCOPY . /', dir);

    expect(files).toEqual([
      '.dockerignore 644',
      'keep.log 644',
      'src/ 755',
      'src/a 644',
      'src/link 777 -> /etc/passwd',
    ]);
  });

  it.each([
    { name: 'RUN', text: 'FROM a\nRUN npm ci', says: 'Dockerfile:2: RUN is not supported' },
    { name: 'ADD', text: 'FROM a\nADD https://x/y /', says: 'Dockerfile:2: ADD is not supported' },
    { name: '--chown', text: 'FROM a\nCOPY --chown=1:1 a /', says: 'Dockerfile:2: COPY --chown is not supported' },
    { name: 'two stages', text: 'FROM a AS b\nFROM c', says: 'Dockerfile:2: FROM is not supported: one stage only' },
    { name: '--from', text: 'FROM a\nCOPY --from=b /x /', says: 'Dockerfile:2: COPY --from is not supported' },
    { name: 'a here-document', text: 'FROM a\nCOPY <<EOF /x\nhi\nEOF', says: 'here-documents are not supported' },
    { name: 'no FROM', text: 'COPY a /', says: 'Dockerfile:1: the first instruction must be FROM' },
    { name: 'an unknown instruction', text: 'FROM a\nCOPPY a b', says: 'Dockerfile:2: COPPY is no instruction' },
    { name: 'a path outside', text: 'FROM a\nCOPY ../../etc/passwd /', says: 'outside the build context' },
    {
      name: 'a missing file',
      text: 'FROM a\nCOPY none /',
      says: 'Dockerfile:2: COPY failed: file not found in build context',
    },
    { name: 'a bad port', text: 'FROM a\nEXPOSE 99999', says: 'EXPOSE 99999 is no port' },
    { name: 'a link in the way', text: 'FROM a\nCOPY link/passwd /', says: 'link is a symbolic link' },
  ])('refuses $name', async ({ text, says }) => {
    const dir = await context({ a: '1' });
    await symlink('/etc', join(dir, 'link'));

    await expect(build(text, dir).then(() => 'built')).rejects.toThrowError(says);
  });
});

describe('compileDockerignore', () => {
  const ignored = compileDockerignore('# c\n*\n!dist\ndist/*.map\n/docs/\n');

  it.each([
    ['a', true],
    ['dist/a.js', false],
    ['dist/a.map', true],
    ['docs/x', true],
  ])('%s: %s', (path, value) => {
    expect(ignored(path)).toBe(value);
  });
});

describe('expandDockerVariables', () => {
  it.each([
    ['$A/${A}', 'x/x'],
    ['${NONE:-d}', 'd'],
    ['${A:+other}', 'other'],
    ['\\$A', '$A'],
    ['$NONE', ''],
  ])('%s is %s', (text, value) => {
    expect(expandDockerVariables(text, (name) => ({ A: 'x' })[name])).toBe(value);
  });
});
