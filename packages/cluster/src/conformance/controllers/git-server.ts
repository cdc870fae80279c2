/** One Git repository over HTTP, filled by commits of whole trees: what a source controller clones. */

import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { Disposable } from '@towpath/kit';
import { runProgram } from '../run-program.ts';

export interface GitServer extends Disposable {
  readonly url: string;
  /** Replaces the tree of branch main by these files; returns the commit. */
  commit(files: Readonly<Record<string, string>>): Promise<string>;
}

const identity = { GIT_AUTHOR_NAME: 'conformance', GIT_AUTHOR_EMAIL: 'conformance@towpath.dev' };
const gitEnv = {
  ...identity,
  GIT_COMMITTER_NAME: identity.GIT_AUTHOR_NAME,
  GIT_COMMITTER_EMAIL: identity.GIT_AUTHOR_EMAIL,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
};

/** Serves a new repository below `folder` on a free port of 127.0.0.1. */
export async function startGitServer(folder: string): Promise<GitServer> {
  const work = join(folder, 'repository');
  await git(folder, ['init', '--quiet', '--initial-branch=main', work]);
  const server = createServer((request, response) => void serve(work, request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/repository.git`,
    async commit(files) {
      await git(work, ['rm', '-r', '--quiet', '--ignore-unmatch', '.']);
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(work, name)), { recursive: true });
        await writeFile(join(work, name), text);
      }
      await git(work, ['add', '--all']);
      await git(work, ['commit', '--quiet', '--allow-empty', '--message', 'change']);
      return (await git(work, ['rev-parse', 'HEAD'])).trim();
    },
    async dispose() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await rm(work, { recursive: true, force: true });
    },
  };
}

/** The two requests of a fetch over smart HTTP. Source: git's Documentation/gitprotocol-http. */
async function serve(work: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const isOffer = request.url?.includes('/info/refs') === true;
  const kind = isOffer ? 'advertisement' : 'result';
  const protocol = request.headers['git-protocol'];
  const child = spawn(
    'git',
    ['upload-pack', '--stateless-rpc', ...(isOffer ? ['--advertise-refs'] : []), join(work, '.git')],
    { env: { ...gitEnv, ...(typeof protocol === 'string' ? { GIT_PROTOCOL: protocol } : {}) } },
  );
  response.writeHead(200, { 'content-type': `application/x-git-upload-pack-${kind}`, 'cache-control': 'no-cache' });
  if (isOffer) response.write('001e# service=git-upload-pack\n0000');
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  child.stdout.pipe(response);
}

async function git(cwd: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram('git', args, { cwd, env: gitEnv });
  if (code !== 0) throw new Error(`git ${args.join(' ')} failed: ${stderr.trim()}`);
  return stdout;
}
