import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CliContext } from '../context.ts';
import { initCommand } from './init.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'towpath-init-'));
  await mkdir(join(root, '.git'));
  await writeFile(join(root, '.git', 'HEAD'), 'ref: refs/heads/trunk\n');
  await writeFile(join(root, 'Dockerfile'), 'FROM x\nEXPOSE 7000\n');
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function init(...args: string[]): Promise<string> {
  let out = '';
  // The command uses no more of it.
  const context: Partial<CliContext> = { cwd: root, stdout: (text) => void (out += text) };
  await initCommand(context as CliContext).parseAsync(args, { from: 'user' });
  return out;
}

it('keeps what is there, names it, and writes nothing the second time', async () => {
  await writeFile(join(root, '.gitlab-ci.yml'), 'mine: {}\n');

  expect(await init()).toContain('kept      .gitlab-ci.yml (it was there)\n');
  expect(await readFile(join(root, '.gitlab-ci.yml'), 'utf8')).toBe('mine: {}\n');
  expect(await readFile(join(root, 'Dockerfile'), 'utf8')).toContain('EXPOSE 7000');
  expect(await init()).toContain('nothing written: everything was there\n');
  expect(JSON.parse(await init('-o', 'json'))).toMatchObject({ written: [], facts: { port: { value: 7000 } } });
});

it('shows the texts of a dry run and writes nothing', async () => {
  expect(await init('--dry-run')).toMatch(/would write {2}load\/main\.mjs\n[^]*ref: "trunk"/);
  await expect(access(join(root, 'deploy'))).rejects.toThrow('ENOENT');
});

it('says where it must run', async () => {
  await mkdir(join(root, 'sub'));
  await expect(init('sub')).rejects.toMatchObject({ code: 'INIT_SUBFOLDER' });
  await expect(init('nowhere')).rejects.toMatchObject({ code: 'INIT_NO_GIT' });
  await writeFile(join(root, '.git', 'HEAD'), `${'0'.repeat(40)}\n`);
  await expect(init()).rejects.toMatchObject({ code: 'INIT_DETACHED' });
});
