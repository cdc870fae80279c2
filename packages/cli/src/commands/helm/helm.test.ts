import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startTestCluster, type TestCluster } from '@towpath/cluster/testing';
import { seededRandom, silentLogger } from '@towpath/kit';
import { FakeClock } from '@towpath/kit/testing';
import { chartRepository } from '@towpath/releases';
import { Client } from '@towpath/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CliContext } from '../../context.ts';
import { helmCommand } from './index.ts';

const chartFiles = {
  'Chart.yaml': 'apiVersion: v2\nname: frontend\nversion: 0.21.0\nappVersion: 1.16.0\ndescription: The shop\n',
  'values.yaml': 'image:\n  tag: latest\n',
  'templates/config.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: frontend\ndata:\n  tag: {{ .Values.image.tag }}\n',
  'templates/NOTES.txt': 'Frontend {{ .Values.image.tag }} installed\n',
};

describe('towpath helm', () => {
  let folder: string;
  let cluster: TestCluster;
  let context: CliContext;
  let http: Server | undefined;
  let out: string[];
  let warned: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'towpath-helm-'));
    const clock = new FakeClock();
    cluster = await startTestCluster({ clock });
    out = [];
    warned = [];
    for (const [name, text] of Object.entries(chartFiles)) {
      const file = join(folder, 'charts', 'frontend', name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    context = {
      clock,
      random: seededRandom(1),
      log: silentLogger,
      cwd: folder,
      env: { HOME: folder, HELM_CONFIG_HOME: join(folder, 'config'), HELM_CACHE_HOME: join(folder, 'cache') },
      stdout: (text) => void out.push(text),
      stderr: (text) => void warned.push(text),
      signal: new AbortController().signal,
      isTerminal: false,
      version: '0.0.0',
      program: 'towpath.js',
      client: async (target = {}) => ({
        client: new Client({ transport: cluster.transport(), fieldManager: target.fieldManager ?? 'towpath' }),
        namespace: 'default',
      }),
      ready: async () => undefined,
      readStdin: async () => 'image: { tag: from-stdin }\n',
      exitCode: () => {},
    };
  });
  afterEach(async () => {
    await cluster.dispose();
    await new Promise((resolve) => (http === undefined ? resolve(undefined) : http.close(resolve)));
    http = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  /** What the command prints. */
  async function helm(...args: string[]): Promise<string> {
    out.length = 0;
    const command = helmCommand(context);
    for (const child of [command, ...command.commands]) child.exitOverride();
    await command.parseAsync(args, { from: 'user' });
    return out.join('');
  }

  async function serveCharts(): Promise<string> {
    const handler = chartRepository({ charts: join(folder, 'charts'), log: silentLogger });
    http = createServer((request, response) => void handler(request, response));
    await new Promise<void>((resolve) => http?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(http.address() as AddressInfo).port}/fluxcd`;
  }

  it('installs with upgrade --install, then upgrades', async () => {
    const first = await helm('upgrade', '--install', 'frontend', 'charts/frontend');
    const second = await helm('upgrade', '--install', 'frontend', 'charts/frontend', '--set', 'image.tag=v2');

    expect(first).toBe(
      'Release "frontend" does not exist. Installing it now.\nNAME: frontend\nLAST DEPLOYED: Thu Jan  1 00:00:00 2026\n' +
        'NAMESPACE: default\nSTATUS: deployed\nREVISION: 1\nTEST SUITE: None\nNOTES:\nFrontend latest installed\n',
    );
    expect(second).toBe(
      'Release "frontend" has been upgraded. Happy Helming!\nNAME: frontend\nLAST DEPLOYED: Thu Jan  1 00:00:00 2026\n' +
        'NAMESPACE: default\nSTATUS: deployed\nREVISION: 2\nTEST SUITE: None\nNOTES:\nFrontend v2 installed\n',
    );
  });

  it('prints the tables as helm prints them', async () => {
    await helm('install', 'frontend', 'charts/frontend');
    await helm('upgrade', 'frontend', 'charts/frontend', '--set', 'image.tag=v2');

    expect(await helm('list')).toBe(
      'NAME    \tNAMESPACE\tREVISION\tUPDATED                      \tSTATUS  \tCHART          \tAPP VERSION\n' +
        'frontend\tdefault  \t2       \t2026-01-01 00:00:00 +0000 UTC\tdeployed\tfrontend-0.21.0\t1.16.0     \n',
    );
    expect(await helm('history', 'frontend')).toBe(
      'REVISION\tUPDATED                 \tSTATUS    \tCHART          \tAPP VERSION\tDESCRIPTION     \n' +
        '1       \tThu Jan  1 00:00:00 2026\tsuperseded\tfrontend-0.21.0\t1.16.0     \tInstall complete\n' +
        '2       \tThu Jan  1 00:00:00 2026\tdeployed  \tfrontend-0.21.0\t1.16.0     \tUpgrade complete\n',
    );
    expect(await helm('list', '-o', 'json')).toBe(
      '[{"name":"frontend","namespace":"default","revision":"2","updated":"2026-01-01 00:00:00 +0000 UTC",' +
        '"status":"deployed","chart":"frontend-0.21.0","app_version":"1.16.0"}]\n',
    );
    expect(await helm('list', '--short', '--superseded')).toBe('frontend\n');
  });

  it('gets what is stored', async () => {
    await helm('install', 'frontend', 'charts/frontend', '-f', '-');

    expect(await helm('get', 'values', 'frontend')).toBe('USER-SUPPLIED VALUES:\nimage:\n  tag: from-stdin\n');
    expect(await helm('get', 'values', 'frontend', '-o', 'json')).toBe('{"image":{"tag":"from-stdin"}}\n');
    expect(await helm('get', 'manifest', 'frontend')).toBe(
      '---\n# Source: frontend/templates/config.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: frontend\n' +
        'data:\n  tag: from-stdin\n\n',
    );
    expect(await helm('get', 'notes', 'frontend')).toBe('NOTES:\nFrontend from-stdin installed\n\n');
    expect(await helm('get', 'metadata', 'frontend')).toContain('CHART: frontend\nVERSION: 0.21.0\n');
  });

  it('rolls back and uninstalls', async () => {
    await helm('install', 'frontend', 'charts/frontend');
    await helm('upgrade', 'frontend', 'charts/frontend', '--set', 'image.tag=v2');

    expect(await helm('rollback', 'frontend', '1')).toBe('Rollback was a success! Happy Helming!\n');
    expect(await helm('get', 'manifest', 'frontend')).toContain('tag: latest');
    expect(await helm('uninstall', 'frontend')).toBe('release "frontend" uninstalled\n');
    expect(await helm('list', '-q')).toBe('');
  });

  it.each([
    {
      name: 'an upgrade of nothing',
      args: ['upgrade', 'x', 'charts/frontend'],
      says: 'UPGRADE FAILED: "x" has no deployed releases',
    },
    {
      name: 'a chart that is not there',
      args: ['install', 'x', './nothing'],
      says: 'INSTALLATION FAILED: path "./nothing" not found',
    },
    {
      name: 'a repository nobody added',
      args: ['install', 'x', 'acme/x'],
      says: 'INSTALLATION FAILED: repo acme not found',
    },
    {
      name: 'no name',
      args: ['install', 'charts/frontend'],
      says: 'must either provide a name or specify --generate-name',
    },
    { name: 'a release that is not there', args: ['status', 'x'], says: 'release: not found' },
    { name: 'an unknown format', args: ['list', '-o', 'xml'], says: 'invalid format type' },
  ])('says what is wrong with $name', async ({ args, says }) => {
    await expect(helm(...args)).rejects.toThrow(says);
  });

  it('adds, lists, searches, installs from and removes repositories', async () => {
    const url = await serveCharts();

    expect(await helm('repo', 'add', 'fluxcd', url)).toBe('"fluxcd" has been added to your repositories\n');
    expect(await helm('repo', 'add', 'fluxcd', url)).toBe(
      '"fluxcd" already exists with the same configuration, skipping\n',
    );
    expect(await helm('repo', 'list')).toContain(`fluxcd\t${url}`);
    expect(await helm('search', 'repo', 'front')).toBe(
      'NAME           \tCHART VERSION\tAPP VERSION\tDESCRIPTION\nfluxcd/frontend\t0.21.0       \t1.16.0     \tThe shop   \n',
    );
    expect(await helm('repo', 'update')).toBe(
      'Hang tight while we grab the latest from your chart repositories...\n' +
        '...Successfully got an update from the "fluxcd" chart repository\nUpdate Complete. ⎈Happy Helming!⎈\n',
    );
    expect(await helm('install', 'frontend', 'fluxcd/frontend')).toContain('STATUS: deployed\n');
    await helm('pull', 'fluxcd/frontend', '-d', 'pulled');
    expect(await readdir(join(folder, 'pulled'))).toEqual(['frontend-0.21.0.tgz']);
    expect(await helm('repo', 'remove', 'fluxcd')).toBe('"fluxcd" has been removed from your repositories\n');
  });

  it('serves the same bytes for the same charts', async () => {
    const url = await serveCharts();
    const [first, second] = await Promise.all([fetch(`${url}/index.yaml`), fetch(`${url}/index.yaml`)]);

    expect(await first.text()).toBe(await second.text());
    expect((await fetch(`${url}/nothing-1.0.0.tgz`)).status).toBe(404);
  });

  it('renders, shows and packages', async () => {
    expect(await helm('template', 'charts/frontend', '--set', 'image.tag=v3')).toContain('tag: v3');
    expect(await helm('show', 'values', 'charts/frontend')).toBe('image:\n  tag: latest\n\n');
    expect(await helm('package', 'charts/frontend')).toBe(
      `Successfully packaged chart and saved it to: ${join(folder, 'frontend-0.21.0.tgz')}\n`,
    );
    expect((await readFile(join(folder, 'frontend-0.21.0.tgz'))).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
  });

  it('lints', async () => {
    expect(await helm('lint', 'charts/frontend')).toContain('1 chart(s) linted, 0 chart(s) failed\n');
  });

  it('writes nothing in a dry run', async () => {
    const printed = await helm('install', 'frontend', 'charts/frontend', '--dry-run');

    expect(printed).toContain('STATUS: pending-install\n');
    expect(printed).toContain('MANIFEST:\n---\n# Source: frontend/templates/config.yaml\n');
    expect(await helm('list', '-a', '-q')).toBe('');
  });
});
