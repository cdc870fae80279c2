/** Keys that commits are signed with, as files for the time of one commit: git asks ssh-keygen or gpg to sign. */

import { execFile, type ExecFileOptions } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf, messageOf } from '@towpath/kit';
import type { CommitSigner } from './commit.ts';
import { searchPath } from './exec.ts';

export interface SigningKeyOptions {
  readonly type: 'gpg' | 'ssh';
  /** ASCII-armoured OpenPGP, or an SSH private key. */
  readonly key: string;
  readonly passphrase?: string | undefined;
  /** PATH of the programs; default that of this process. */
  readonly path?: string;
}

export interface PreparedSigner extends CommitSigner {
  /** Removes the key's files, and ends what was started for them. */
  dispose(): Promise<void>;
}

/** The signer, or why there is none: `passphrase` when the key needs one, `program` when gpg or ssh-keygen is missing. */
export type SignerResult =
  | { readonly ok: true; readonly signer: PreparedSigner }
  | { readonly ok: false; readonly because: 'passphrase' | 'key' | 'several' | 'program'; readonly detail: string };

const timeoutMs = 20_000;

export async function prepareSigner(options: SigningKeyOptions): Promise<SignerResult> {
  // Short, in the system's own place: gpg-agent's socket is in it, and the length of such paths is limited.
  const folder = await mkdtemp(join(tmpdir(), 'tp-sign-'));
  const dispose = async (): Promise<void> => {
    if (options.type === 'gpg')
      await run('gpgconf', ['--homedir', folder, '--kill', 'gpg-agent'], options).catch(() => {});
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const made = options.type === 'ssh' ? await sshSigner(folder, options) : await gpgSigner(folder, options);
    if (made.ok) return { ok: true, signer: { ...made.signer, dispose } };
    await dispose();
    return made;
  } catch (error) {
    await dispose();
    if (codeOf(error) !== 'ENOENT') throw error;
    const program = options.type === 'ssh' ? 'ssh-keygen' : 'gpg';
    return { ok: false, because: 'program', detail: `the program ${program} was not found` };
  }
}

type Made =
  | { readonly ok: true; readonly signer: CommitSigner }
  | { readonly ok: false; readonly because: 'passphrase' | 'key' | 'several'; readonly detail: string };

/** The passphrase is taken off the copy: git cannot be asked for it. */
async function sshSigner(folder: string, options: SigningKeyOptions): Promise<Made> {
  const { key, passphrase } = options;
  const file = join(folder, 'identity');
  await writeFile(file, key.endsWith('\n') ? key : `${key}\n`, { mode: 0o600 });
  const ask = await script(folder, 'ask', 'printf "%s\\n" "$TOWPATH_PASSPHRASE"');
  const env = { SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':', TOWPATH_PASSPHRASE: passphrase ?? '' };
  try {
    await run('ssh-keygen', ['-p', '-N', '', '-f', file], { ...options, env });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw error;
    const detail = saidBy(error);
    return { ok: false, because: /passphrase/.test(detail) ? 'passphrase' : 'key', detail };
  }
  return { ok: true, signer: { config: ['gpg.format=ssh', `user.signingkey=${file}`], env: {} } };
}

async function gpgSigner(folder: string, options: SigningKeyOptions): Promise<Made> {
  await chmod(folder, 0o700);
  const secret = join(folder, 'passphrase');
  await writeFile(secret, options.passphrase ?? '', { mode: 0o600 });
  const common = ['--homedir', folder, '--batch', '--no-tty'];
  try {
    await run('gpg', [...common, '--import'], { ...options, input: options.key });
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw error;
    return { ok: false, because: 'key', detail: saidBy(error) };
  }
  const listed = await run('gpg', [...common, '--list-secret-keys', '--with-colons'], options);
  const keys = listed.split('\n').filter((line) => line.startsWith('sec:'));
  const [, fingerprint] = /^fpr:(?:[^:]*:){8}([0-9A-F]+):/m.exec(listed) ?? [];
  if (keys.length > 1) return { ok: false, because: 'several', detail: `it holds ${keys.length} keys` };
  if (fingerprint === undefined) return { ok: false, because: 'key', detail: 'it holds no secret key' };
  const flags = [...common, '--pinentry-mode', 'loopback', '--passphrase-file', secret];
  const program = await script(folder, 'gpg', `exec gpg ${flags.map(shellQuote).join(' ')} "$@"`);
  try {
    await run(program, ['--local-user', fingerprint, '--detach-sign', '--armor'], { ...options, input: 'try' });
  } catch (error) {
    return { ok: false, because: 'passphrase', detail: saidBy(error) };
  }
  const config = ['gpg.format=openpgp', `gpg.program=${program}`, `user.signingkey=${fingerprint}`];
  return { ok: true, signer: { config, env: {} } };
}

async function script(folder: string, name: string, line: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, `#!/bin/sh\n${line}\n`, { mode: 0o700 });
  return file;
}

function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function run(
  program: string,
  args: readonly string[],
  { path, env, input }: { path?: string; env?: Readonly<Record<string, string>>; input?: string },
): Promise<string> {
  const options: ExecFileOptions = {
    env: {
      PATH: searchPath(path),
      HOME: '/nonexistent',
      LC_ALL: 'C',
      ...env,
    },
    timeout: timeoutMs,
  };
  return new Promise((resolve, reject) => {
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(String(stdout));
      else reject(Object.assign(error, { said: String(stderr) }));
    });
    // It may end before it has read its input; its exit code says what happened.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
  });
}

/** The last line a program wrote before it failed. */
function saidBy(error: unknown): string {
  const said = typeof error === 'object' && error !== null && 'said' in error ? String(error.said) : '';
  return said.trim().split('\n').at(-1) || messageOf(error);
}
