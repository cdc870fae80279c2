/** The one door to the git command: hardened environment, argument arrays, timeouts, errors that say what to do. */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Clock } from '@towpath/kit';
import { codeOf } from '@towpath/kit';
import { prepareRemote, type GitAuth, type GitTls } from './auth.ts';
import { gitError, type GitErrorCode } from './errors.ts';

export interface GitOptions {
  readonly clock: Clock;
  /** The program; default `git` from the PATH. */
  readonly command?: string;
  /** PATH of the calls; default that of this process. */
  readonly path?: string;
}

export interface GitCall {
  readonly args: readonly string[];
  /** Named in errors: a repository's URL (without credentials) or name. */
  readonly subject: string;
  readonly gitDir?: string;
  readonly input?: string | Uint8Array;
  /** Added to the hardened environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** A remote this call talks to. */
  readonly remote?: {
    readonly url: string;
    readonly auth?: GitAuth | undefined;
    readonly tls?: GitTls | undefined;
    readonly allowFile?: boolean;
  };
  readonly timeoutMs?: number;
  readonly maxOutputBytes?: number;
  /** Exit codes that are no failure; default only 0. */
  readonly okCodes?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

export interface GitResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly code: number;
}

/** Runs the git command. */
export interface Git {
  /** Throws a typed error (see errors.ts) on any other exit code than `okCodes`. */
  run(call: GitCall): Promise<GitResult>;
  /** `run` with stdout as trimmed text. */
  text(call: GitCall): Promise<string>;
  /** Starts git with streams, for serving; the caller ends it. */
  spawn(call: { args: readonly string[]; env: Readonly<Record<string, string>> }): ChildProcessWithoutNullStreams;
}

const defaultTimeoutMs = 60_000;
const defaultMaxOutputBytes = 256 * 1024 * 1024;
const maxStderrBytes = 64 * 1024;
const killAfterMs = 3_000;

/** Source: git-config(1); each setting closes a way for a repository to run something or to read outside itself. */
const hardenedConfig = [
  'core.hooksPath=/dev/null',
  'core.symlinks=false',
  'core.fsmonitor=false',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
  'http.followRedirects=initial',
  'transfer.fsckObjects=true',
  // Old and harmless faults that many public histories carry.
  'fetch.fsck.zeroPaddedFilemode=ignore',
  'receive.fsck.zeroPaddedFilemode=ignore',
  'fetch.fsck.badTimezone=ignore',
  'receive.fsck.badTimezone=ignore',
  'safe.directory=*',
  'gc.auto=0',
  'advice.detachedHead=false',
] as const;

/** A git command that reads no configuration of the system or the user. */
export function createGit(options: GitOptions): Git {
  const run = (call: GitCall): Promise<GitResult> => runGit(options, call);
  return {
    run,
    text: async (call) => (await run(call)).stdout.toString('utf8').trim(),
    spawn: ({ args, env }) =>
      spawn(options.command ?? 'git', [...configArguments(), ...args], {
        env: hardenedEnv(options, env),
        stdio: 'pipe',
      }),
  };
}

function configArguments(): string[] {
  return hardenedConfig.flatMap((setting) => ['-c', setting]);
}

/** Where programs are looked for: the given path, else this process's own. */
export function searchPath(given?: string): string {
  return given ?? process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
}

function hardenedEnv(options: GitOptions, extra: Readonly<Record<string, string>>): Record<string, string> {
  return {
    PATH: searchPath(options.path),
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'false',
    SSH_ASKPASS: 'false',
    GIT_ALLOW_PROTOCOL: 'https:http:ssh:git',
    ...extra,
  };
}

async function runGit(options: GitOptions, call: GitCall): Promise<GitResult> {
  const auth = call.remote === undefined ? undefined : await prepareRemote(call.remote.url, call.remote);
  try {
    const env = { ...call.env, ...auth?.env };
    if (call.remote?.allowFile === true) env['GIT_ALLOW_PROTOCOL'] = 'https:http:ssh:git:file';
    const result = await collect(options, call, hardenedEnv(options, env));
    if ((call.okCodes ?? [0]).includes(result.code)) return result;
    throw failureOf(call, result);
  } finally {
    await auth?.dispose();
  }
}

function collect(options: GitOptions, call: GitCall, env: Record<string, string>): Promise<GitResult> {
  const where = call.gitDir === undefined ? [] : [`--git-dir=${call.gitDir}`];
  const args = [...configArguments(), ...where, ...call.args];
  const timeoutMs = call.timeoutMs ?? defaultTimeoutMs;
  const maxOutputBytes = call.maxOutputBytes ?? defaultMaxOutputBytes;
  return new Promise((resolve, reject) => {
    const child = spawn(options.command ?? 'git', args, { env, stdio: 'pipe' });
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let stderr = '';
    let failure: Error | undefined;
    const stop = (error: Error): void => {
      failure ??= error;
      child.kill('SIGTERM');
      options.clock.startTimer(killAfterMs, () => child.kill('SIGKILL'));
    };
    const timer = options.clock.startTimer(timeoutMs, () => stop(timedOut(call, timeoutMs)));
    const onAbort = (): void => stop(abortError(call.signal));
    call.signal?.addEventListener('abort', onAbort, { once: true });
    if (call.signal?.aborted === true) onAbort();
    child.stdout.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > maxOutputBytes) stop(outputLimit(call, maxOutputBytes));
      else chunks.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < maxStderrBytes) stderr += chunk.toString('utf8');
    });
    // git may end before it has read its input; its exit code says what happened.
    child.stdin.on('error', () => {});
    child.on('error', (error) => {
      failure ??= codeOf(error) === 'ENOENT' ? gitMissing(error) : error;
    });
    child.on('close', (code) => {
      timer.cancel();
      call.signal?.removeEventListener('abort', onAbort);
      if (failure !== undefined) reject(failure);
      else resolve({ stdout: Buffer.concat(chunks), stderr, code: code ?? 128 });
    });
    child.stdin.end(call.input);
  });
}

function gitMissing(cause: Error): Error {
  return gitError('GIT_MISSING', 'the git command was not found', { next: 'install git 2.34 or later', cause });
}

function timedOut(call: GitCall, timeoutMs: number): Error {
  return gitError(
    'GIT_TIMEOUT',
    `git ${call.args[0] ?? ''} on ${call.subject} took longer than ${timeoutMs / 1000} s`,
    {
      next: 'check that the server answers, or raise the timeout',
    },
  );
}

function outputLimit(call: GitCall, maxOutputBytes: number): Error {
  return gitError(
    'GIT_OUTPUT_LIMIT',
    `git ${call.args[0] ?? ''} on ${call.subject} wrote more than ${maxOutputBytes} bytes`,
    {
      next: 'remove large files from the path that is read',
    },
  );
}

function abortError(signal: AbortSignal | undefined): Error {
  if (signal?.reason instanceof Error) return signal.reason;
  const error = new Error('aborted');
  error.name = 'AbortError';
  return error;
}

interface Symptom {
  readonly pattern: RegExp;
  readonly code: GitErrorCode;
  readonly says: string;
  readonly next: string;
}

/** What git says on stderr, and what it means; the first match wins. */
const symptoms: readonly Symptom[] = [
  {
    pattern: /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/,
    code: 'GIT_HOST_KEY',
    says: 'its host key is not the known one',
    next: 'compare the key with ssh-keyscan and put the right one into known_hosts',
  },
  {
    pattern:
      /Authentication failed|could not read Username|Permission denied \(publickey|error: 401|error: 403|HTTP 40[13]/,
    code: 'GIT_AUTH_FAILED',
    says: 'it refused the credentials',
    next: 'give it a token or a deploy key with the right to read, and to write for commits',
  },
  {
    pattern: /repository .*not found|does not appear to be a git repository|error: 404|Repository not found/i,
    code: 'GIT_NOT_FOUND',
    says: 'there is no such repository',
    next: 'check the URL, or push to it once to create it',
  },
  {
    pattern: /\[(?:remote )?rejected\]|non-fast-forward|fetch first|stale info|failed to push/,
    code: 'GIT_PUSH_REJECTED',
    says: 'it refused the push',
    next: 'fetch, apply the change again and push',
  },
  {
    pattern:
      /Could not resolve host|Failed to connect|Connection refused|Connection timed out|Could not read from remote|Empty reply|unable to access|early EOF|remote end hung up/,
    code: 'GIT_UNREACHABLE',
    says: 'it cannot be reached',
    next: 'check the address and the network; it is tried again',
  },
  {
    pattern:
      /bad revision|unknown revision|Not a valid object name|couldn't find remote ref|bad object|Needed a single revision/i,
    code: 'GIT_REF_NOT_FOUND',
    says: 'there is no such branch, tag or commit',
    next: 'check the ref, or push it',
  },
];

function failureOf(call: GitCall, result: GitResult): Error {
  const stderr = maskSecrets(result.stderr);
  const symptom = symptoms.find(({ pattern }) => pattern.test(stderr));
  const detail = lastLine(stderr);
  const verb = `git ${call.args[0] ?? ''} on ${call.subject}`;
  if (symptom === undefined) {
    const message = `${verb} failed with exit code ${result.code}${detail === '' ? '' : `: ${detail}`}`;
    return gitError('GIT_FAILED', message, { next: 'see the message of git above' });
  }
  const message = `${verb} failed: ${symptom.says}${detail === '' ? '' : ` (${detail})`}`;
  return gitError(symptom.code, message, { next: symptom.next });
}

function maskSecrets(text: string): string {
  return text.replace(/([a-z]+:\/\/)[^/@\s]+@/gi, '$1***@');
}

/** The last line that says something, without git's prefix. */
function lastLine(stderr: string): string {
  const lines = stderr
    .split(/\r?\n|\r/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('hint:'));
  const fatal = lines.findLast((line) => /^(fatal|error|remote|!)/.test(line)) ?? lines.at(-1) ?? '';
  return fatal.replace(/^(fatal|error): /, '').slice(0, 300);
}
