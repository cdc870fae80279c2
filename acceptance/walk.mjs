/** What the rows of the walk share: running clients, waiting for effects, matching lines in order. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A row that did not show what it must. */
export class RowFailure extends Error {}

/** Fails the row with what was expected and what was found. */
export function expect(condition, message, found = '') {
  if (condition) return;
  const shown = String(found).trim();
  throw new RowFailure(shown === '' ? message : `${message}; found:\n${shown.slice(-2500)}`);
}

/** Every pattern must match, each after the one before. */
export function expectInOrder(text, patterns) {
  let from = 0;
  for (const pattern of patterns) {
    const regex = new RegExp(pattern.source, `${pattern.flags.replace(/[gy]/g, '')}g`);
    regex.lastIndex = from;
    const match = regex.exec(text);
    expect(match !== null, `expected ${pattern} after the previous match`, text);
    from = match.index + match[0].length;
  }
}

/** The program on PATH, or undefined. */
export function findProgram(name, path = process.env.PATH ?? '') {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

/** One run of the walk: addresses, folders and clients. */
export class Walk {
  constructor({ root, dist, work, ready }) {
    this.root = root;
    this.program = join(root, dist, 'towpath.js');
    this.work = work;
    this.ready = ready;
    this.clone = join(work, 'microservices-demo');
    this.user = 'acme';
    this.git = ready.git.replace(/\/$/, '');
    this.env = {
      PATH: process.env.PATH,
      HOME: join(work, 'home'),
      LANG: 'C.UTF-8',
      KUBECONFIG: ready.kubeconfig,
      TOWPATH_DATA: join(work, 'data'),
      GIT_TERMINAL_PROMPT: '0',
      GIT_CONFIG_NOSYSTEM: '1',
      HELM_CACHE_HOME: join(work, 'helm', 'cache'),
      HELM_CONFIG_HOME: join(work, 'helm', 'config'),
      HELM_DATA_HOME: join(work, 'helm', 'data'),
      npm_config_cache: process.env.npm_config_cache ?? join(process.env.HOME ?? work, '.npm'),
      npm_config_update_notifier: 'false',
    };
    /** What rows hand to later rows. */
    this.notes = {};
    /** Ends what rows leave running for later rows. */
    this.ends = [];
  }

  /** Runs a program; resolves with code, stdout and stderr. Ends it after `limitMs`. */
  run(command, args, { cwd = this.clone, input, limitMs = 120_000, env = {} } = {}) {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, { cwd: existsSync(cwd) ? cwd : this.work, env: { ...this.env, ...env } });
      let stdout = '';
      let stderr = '';
      const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
      child.stdout.on('data', (data) => (stdout += data));
      child.stderr.on('data', (data) => (stderr += data));
      child.on('error', reject);
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        resolve({ code: code ?? 128, signal, stdout, stderr, all: stdout + stderr });
      });
      // A program may end before it has read its input.
      child.stdin.on('error', () => {});
      child.stdin.end(input ?? '');
    });
  }

  /** Runs and fails the row unless the exit code is 0. */
  async must(command, args, options) {
    const result = await this.run(command, args, options);
    expect(result.code === 0, `${command} ${args.join(' ')} ended with ${result.code}`, result.all);
    return result;
  }

  kubectl(...args) {
    return this.must('kubectl', args);
  }

  gitDo(...args) {
    return this.must('git', args);
  }

  towpath(...args) {
    return this.must(process.execPath, [this.program, ...args]);
  }

  /** Tries `check` until it does not throw a RowFailure, at most `limitMs`. */
  async eventually(check, limitMs = 60_000, everyMs = 500) {
    const until = Date.now() + limitMs;
    for (;;) {
      try {
        return await check();
      } catch (error) {
        if (!(error instanceof RowFailure) || Date.now() > until) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  /** Commits everything in the clone and pushes master; returns the push's output. */
  async commitAndPush(message) {
    await this.gitDo('add', '-A');
    await this.gitDo('commit', '-q', '-m', message);
    const pull = await this.run('git', ['pull', '-q', '--rebase', 'gitlab', 'master']);
    expect(pull.code === 0, 'git pull --rebase before the push', pull.all);
    const push = await this.gitDo('push', 'gitlab', 'master');
    expect(/master -> master/.test(push.stderr), 'push accepted', push.all);
    return push;
  }

  /** Builds and pushes one service's image from the clone; returns the digest line. */
  async buildAndPush(service, tag) {
    const image = `${this.user}/${service}:${tag}`;
    await this.must(process.execPath, [this.program, 'docker', 'build', '-t', image, `src/${service}`]);
    const push = await this.towpath('docker', 'push', image);
    expect(
      new RegExp(`${tag}: digest: sha256:[0-9a-f]{64} size: \\d+`).test(push.stdout),
      `digest line of ${image}`,
      push.all,
    );
    return push.stdout;
  }
}
