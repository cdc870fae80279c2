/** Commits signed by the real ssh-keygen and gpg, and verified by git. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@towpath/kit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGit } from './exec.ts';
import { openMirror } from './mirror.ts';
import { seedRepository } from './seed.ts';
import { prepareSigner, type SigningKeyOptions } from './signing.ts';

const git = createGit({ clock: systemClock });
const author = { name: 'Flux', email: 'flux@example.com', atMs: Date.UTC(2026, 0, 2) } as const;
const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const programs = { ssh: 'ssh-keygen', gpg: 'gpg', gpgconf: 'gpgconf' } as const;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tp-test-'));
  await mkdir(join(folder, 'from'));
  await writeFile(join(folder, 'from', 'a.yaml'), 'a: 1\n');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Commits with the key, and says what git finds of the signature. */
async function signedCommit(options: SigningKeyOptions, verify: readonly string[]): Promise<string> {
  const first = await seedRepository({ git, from: join(folder, 'from'), into: join(folder, 'app.git') });
  const mirror = openMirror({ git, dir: join(folder, 'mirror'), url: join(folder, 'app.git'), allowFile: true });
  await mirror.fetch();
  const made = await prepareSigner(options);
  if (!made.ok) return `${made.because}`;
  try {
    const edits = new Map([['a.yaml', { content: 'a: 2\n' }]]);
    const commit = { branch: 'master', parent: first, edits, author, message: 'Signed', signer: made.signer };
    await mirror.commitAndPush(commit);
  } finally {
    await made.signer.dispose();
  }
  return git.text({
    args: [...verify.flatMap((setting) => ['-c', setting]), 'log', '-1', '--format=%G? %s', 'master'],
    gitDir: join(folder, 'app.git'),
    subject: 'app',
    env: { GNUPGHOME: join(folder, 'gpg') },
  });
}

async function sshKey(passphrase: string): Promise<{ key: string; allowed: string }> {
  const file = join(folder, 'key');
  execFileSync(programs.ssh, ['-q', '-t', 'ed25519', '-N', passphrase, '-C', '', '-f', file]);
  const allowed = join(folder, 'allowed');
  await writeFile(allowed, `flux@example.com ${await readFile(`${file}.pub`, 'utf8')}`);
  return { key: await readFile(file, 'utf8'), allowed };
}

async function gpgKey(passphrase: string): Promise<string> {
  const home = join(folder, 'gpg');
  await mkdir(home, { mode: 0o700 });
  const common = ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', passphrase];
  execFileSync(programs.gpg, [...common, '--quick-gen-key', 'Flux <flux@example.com>', 'ed25519', 'sign', 'never'], {
    stdio: 'ignore',
  });
  const key = execFileSync(programs.gpg, [...common, '--armor', '--export-secret-keys'], { encoding: 'utf8' });
  execFileSync(programs.gpgconf, ['--homedir', home, '--kill', 'gpg-agent']);
  return key;
}

describe.skipIf(!has(programs.ssh))('ssh', () => {
  test.each([
    { name: 'a key', passphrase: '', given: undefined, found: 'G Signed' },
    { name: 'a protected key', passphrase: 'secret words', given: 'secret words', found: 'G Signed' },
    { name: 'no passphrase', passphrase: 'secret words', given: undefined, found: 'passphrase' },
    { name: 'another passphrase', passphrase: 'secret words', given: 'others', found: 'passphrase' },
  ])('$name', async ({ passphrase, given, found }) => {
    const { key, allowed } = await sshKey(passphrase);
    const options = { type: 'ssh', key, passphrase: given } as const;

    expect(await signedCommit(options, [`gpg.ssh.allowedSignersFile=${allowed}`])).toBe(found);
  });

  test('no key', async () => {
    expect(await prepareSigner({ type: 'ssh', key: 'nonsense' })).toMatchObject({ ok: false, because: 'key' });
  });
});

describe.skipIf(!has(programs.gpg))('gpg', () => {
  test.each([
    { name: 'a key', passphrase: '', given: undefined, found: 'U Signed' },
    { name: 'a protected key', passphrase: 'secret words', given: 'secret words', found: 'U Signed' },
    { name: 'another passphrase', passphrase: 'secret words', given: 'others', found: 'passphrase' },
  ])('$name', async ({ passphrase, given, found }) => {
    const key = await gpgKey(passphrase);
    const before = await signFolders();

    const result = await signedCommit({ type: 'gpg', key, passphrase: given }, []);

    // The key of the test owner is in its own keyring, so the signature is good, of unknown trust or ultimate.
    expect(result.replace(/^G/, 'U')).toBe(found);
    expect(await signFolders()).toEqual(before);
  });

  test('no key', async () => {
    expect(await prepareSigner({ type: 'gpg', key: 'nonsense' })).toMatchObject({ ok: false, because: 'key' });
  });
});

test('a program that is missing', async () => {
  const made = await prepareSigner({ type: 'ssh', key: 'x', path: folder });

  expect(made).toEqual({ ok: false, because: 'program', detail: 'the program ssh-keygen was not found' });
});

async function signFolders(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('tp-sign-'));
}
