/** Runs one CGI request of `git http-backend` between an HTTP request and its answer. */

import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@towpath/kit';
import type { Git } from '../exec.ts';

export interface CgiRequest {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly git: Git;
  readonly clock: Clock;
  /** Folder of the bare repositories. */
  readonly root: string;
  /** e.g. /acme/shop.git/git-receive-pack */
  readonly pathInfo: string;
  readonly query: string;
  /** Pushing is allowed. */
  readonly write: boolean;
  readonly timeoutMs: number;
}

const maxHeaderBytes = 16 * 1024;

/**
 * Resolves with git's exit code when the backend has ended and its output is handed to the response (which stays open).
 * Source: RFC 3875 (CGI), git-http-backend(1).
 */
export function runBackend(request: CgiRequest): Promise<number> {
  const { req, res, git, clock } = request;
  return new Promise((resolve, reject) => {
    const child = git.spawn({
      args: ['-c', `http.receivepack=${request.write}`, '-c', 'receive.advertisePushOptions=true', 'http-backend'],
      env: cgiEnv(request),
    });
    const timer = clock.startTimer(request.timeoutMs, () => child.kill('SIGKILL'));
    // A client that goes away must not leave a backend waiting for the rest of its body.
    res.on('close', () => {
      if (!res.writableFinished && child.exitCode === null) child.kill('SIGTERM');
    });
    child.stdin.on('error', () => {});
    req.pipe(child.stdin);
    child.stderr.resume();
    forwardOutput(child, res);
    child.on('error', reject);
    child.on('close', (code) => {
      timer.cancel();
      if (!res.headersSent) {
        res.writeHead(500, { 'content-type': 'text/plain' });
        res.write('git http-backend ended without an answer\n');
      }
      resolve(code ?? 128);
    });
  });
}

function cgiEnv({ req, root, pathInfo, query, write }: CgiRequest): Record<string, string> {
  const { headers } = req;
  return {
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_PROTOCOL: 'HTTP/1.1',
    PATH_INFO: pathInfo,
    QUERY_STRING: query,
    REQUEST_METHOD: req.method ?? 'GET',
    CONTENT_TYPE: headers['content-type'] ?? '',
    ...(headers['content-length'] !== undefined && { CONTENT_LENGTH: headers['content-length'] }),
    ...(headers['content-encoding'] !== undefined && { HTTP_CONTENT_ENCODING: headers['content-encoding'] }),
    GIT_PROTOCOL: gitProtocol(headers['git-protocol']),
    REMOTE_ADDR: req.socket.remoteAddress ?? '',
    ...(write && { REMOTE_USER: 'towpath' }),
  };
}

/** Only what git itself sends: version=2 and key=value pairs. */
function gitProtocol(header: string | string[] | undefined): string {
  const text = String(header ?? '');
  return /^[a-z0-9=:._-]{0,256}$/i.test(text) ? text : '';
}

/** Reads CGI headers up to the empty line, then streams with back-pressure. */
function forwardOutput(child: ChildProcessWithoutNullStreams, res: ServerResponse): void {
  let head = Buffer.alloc(0);
  let started = false;
  const { stdout } = child;
  const pass = (chunk: Buffer): void => {
    if (res.destroyed) return;
    if (!res.write(chunk)) {
      stdout.pause();
      res.once('drain', () => stdout.resume());
    }
  };
  stdout.on('data', (chunk: Buffer) => {
    if (started) {
      pass(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) {
      if (head.length > maxHeaderBytes) child.kill('SIGKILL');
      return;
    }
    started = true;
    writeHead(res, head.subarray(0, end).toString('latin1'));
    const rest = head.subarray(end + 4);
    if (rest.length > 0) pass(rest);
  });
}

function writeHead(res: ServerResponse, text: string): void {
  let status = 200;
  const headers: Record<string, string> = {};
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'status') status = Number.parseInt(value, 10) || 500;
    else if (name !== '') headers[name] = value;
  }
  res.writeHead(status, headers);
}
