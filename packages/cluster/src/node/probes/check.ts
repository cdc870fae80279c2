/** One attempt of a probe or hook: HTTP, TCP, gRPC or a command, with the kubelet's messages. */

import { request as httpRequest } from 'node:http';
import { connect as http2Connect } from 'node:http2';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { Dialer } from '@towpath/api';
import { codeOf, messageOf, type Clock } from '@towpath/kit';
import type { PodTerminal } from '../../apiserver/pod-streams.ts';
import type { Action, CoreContainer, HttpAction } from '../core.ts';
import type { RunningContainer } from '../runtimes/runtime.ts';

export interface CheckTarget {
  readonly podIP: string;
  readonly container: CoreContainer;
  readonly running: RunningContainer;
  readonly dialer: Dialer;
  readonly clock: Clock;
}

export type CheckResult = { readonly ok: true } | { readonly ok: false; readonly message: string };

const maxBodyBytes = 10 * 1024;
const userAgent = 'kube-probe/1.34';
const ok: CheckResult = { ok: true };

/** Never rejects: what goes wrong is the result. `signal` ends the attempt, as a time-out. */
export async function check(action: Action, target: CheckTarget, timeoutMs: number): Promise<CheckResult> {
  const stop = new AbortController();
  const timer = target.clock.startTimer(timeoutMs, () => stop.abort());
  try {
    if (action.httpGet !== undefined) return await checkHttp(action.httpGet, target, stop.signal);
    if (action.tcpSocket !== undefined) return await checkTcp(action.tcpSocket, target, stop.signal);
    if (action.grpc !== undefined) return await checkGrpc(action.grpc, target, stop.signal);
    if (action.exec !== undefined)
      return await checkExec(action.exec.command, target, { signal: stop.signal, timeoutMs });
    if (action.sleep !== undefined) return await pause(action.sleep.seconds, target.clock);
    return ok;
  } catch (error) {
    return { ok: false, message: messageOf(error) };
  } finally {
    timer.cancel();
  }
}

/** A port by number or by the container's name for it. Throws when the name is not known. */
function portOf(port: number | string, container: CoreContainer): number {
  const number = Number(port);
  if (Number.isInteger(number)) return number;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  if (named === undefined) throw new Error(`couldn't find port: ${port}`);
  return named;
}

async function checkHttp(action: HttpAction, target: CheckTarget, signal: AbortSignal): Promise<CheckResult> {
  const port = portOf(action.port, target.container);
  const secure = action.scheme?.toUpperCase() === 'HTTPS';
  const host = action.host ?? target.podIP;
  const path = action.path ?? '/';
  const url = `${secure ? 'https' : 'http'}://${host}:${port}${path.startsWith('/') ? path : `/${path}`}`;
  let stream: Duplex;
  try {
    stream = await abortable(target.dialer.dial({ host, port, direct: true }), signal);
  } catch (error) {
    return { ok: false, message: `Get "${url}": ${dialMessage(error, host, port)}` };
  }
  if (secure) stream = tlsConnect({ socket: stream, rejectUnauthorized: false });
  try {
    const answer = await httpGet(stream, { url, action, signal });
    if (answer.status >= 200 && answer.status < 400) return ok;
    return { ok: false, message: `HTTP probe failed with statuscode: ${answer.status}` };
  } catch (error) {
    const because = signal.aborted
      ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
      : messageOf(error);
    return { ok: false, message: `Get "${url}": ${because}` };
  } finally {
    stream.destroy();
  }
}

function httpGet(
  stream: Duplex,
  options: { url: string; action: HttpAction; signal: AbortSignal },
): Promise<{ status: number }> {
  const { url, action, signal } = options;
  const headers: Record<string, string> = { 'user-agent': userAgent, accept: '*/*', connection: 'close' };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const target = new URL(url);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        method: 'GET',
        host: target.hostname,
        port: target.port,
        path: target.pathname + target.search,
        headers,
        signal,
        createConnection: () => stream,
      },
      (answer) => {
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxBodyBytes) answer.destroy();
        });
        answer.on('error', () => {});
        answer.on('close', () => resolve({ status: answer.statusCode ?? 0 }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

async function checkTcp(
  action: NonNullable<Action['tcpSocket']>,
  target: CheckTarget,
  signal: AbortSignal,
): Promise<CheckResult> {
  const port = portOf(action.port, target.container);
  const host = action.host ?? target.podIP;
  try {
    (await abortable(target.dialer.dial({ host, port, direct: true }), signal)).destroy();
    return ok;
  } catch (error) {
    return { ok: false, message: dialMessage(error, host, port) };
  }
}

function dialMessage(error: unknown, host: string, port: number): string {
  if (codeOf(error) === 'ECONNREFUSED') return `dial tcp ${host}:${port}: connect: connection refused`;
  if (codeOf(error) === 'ABORT_ERR') return `dial tcp ${host}:${port}: i/o timeout`;
  return `dial tcp ${host}:${port}: ${messageOf(error)}`;
}

/** One unary call of grpc.health.v1.Health/Check, framed by hand. Source: gRPC over HTTP/2; GRPC Health Checking. */
async function checkGrpc(
  action: NonNullable<Action['grpc']>,
  target: CheckTarget,
  signal: AbortSignal,
): Promise<CheckResult> {
  const { port, service = '' } = action;
  const address = `${target.podIP}:${port}`;
  const failed = (because: string): CheckResult => ({
    ok: false,
    message: `timeout: failed to connect service "${address}" within 1s: ${because}`,
  });
  let stream: Duplex;
  try {
    stream = await abortable(target.dialer.dial({ host: target.podIP, port, direct: true }), signal);
  } catch (error) {
    return failed(dialMessage(error, target.podIP, port));
  }
  const session = http2Connect(`http://${address}`, { createConnection: () => stream });
  try {
    const { status, body } = await grpcCall(session, service, signal);
    if (status !== '0') {
      return {
        ok: false,
        message: `error: this server does not implement the grpc health protocol (grpc status ${status})`,
      };
    }
    const serving = body.length >= 7 && body[5] === 0x08 && body[6] === 1;
    return serving ? ok : { ok: false, message: `service unhealthy (responded with "${servingName(body[6])}")` };
  } catch (error) {
    return failed(messageOf(error));
  } finally {
    session.destroy();
    stream.destroy();
  }
}

function grpcCall(
  session: ReturnType<typeof http2Connect>,
  service: string,
  signal: AbortSignal,
): Promise<{ status: string; body: Buffer }> {
  const name = Buffer.from(service);
  const message = service === '' ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
  return new Promise((resolve, reject) => {
    session.on('error', reject);
    const call = session.request(
      {
        ':method': 'POST',
        ':path': '/grpc.health.v1.Health/Check',
        'content-type': 'application/grpc',
        te: 'trailers',
        'user-agent': userAgent,
      },
      { signal },
    );
    const chunks: Buffer[] = [];
    let status = '2';
    call.on('response', (headers) => (status = String(headers['grpc-status'] ?? status)));
    call.on('trailers', (headers) => (status = String(headers['grpc-status'] ?? status)));
    call.on('data', (chunk: Buffer) => chunks.push(chunk));
    call.on('error', reject);
    call.on('end', () => resolve({ status, body: Buffer.concat(chunks) }));
    call.end(frame);
  });
}

function servingName(value: number | undefined): string {
  return ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'][value ?? 0] ?? 'UNKNOWN';
}

async function checkExec(
  command: readonly string[],
  target: CheckTarget,
  limit: { signal: AbortSignal; timeoutMs: number },
): Promise<CheckResult> {
  let text = '';
  const collect = (chunk: Uint8Array): void => {
    if (text.length < maxBodyBytes) text += Buffer.from(chunk).toString('utf8');
  };
  const terminal: PodTerminal = {
    tty: false,
    stdout: collect,
    stderr: collect,
    resizes: { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }) },
    signal: limit.signal,
  };
  const { exitCode } = await target.running.exec(command, terminal);
  if (limit.signal.aborted) {
    return {
      ok: false,
      message: `command timed out: "${command.join(' ')}" timed out after ${limit.timeoutMs / 1000}s`,
    };
  }
  return exitCode === 0 ? ok : { ok: false, message: text };
}

async function pause(seconds: number, clock: Clock): Promise<CheckResult> {
  await clock.sleep(seconds * 1000);
  return ok;
}

/** A connection that comes after the time-out is closed. */
async function abortable(dialing: Promise<Duplex>, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(Object.assign(new Error('i/o timeout'), { code: 'ABORT_ERR' }));
    signal.addEventListener('abort', abort, { once: true });
    dialing.then(
      (stream) => {
        signal.removeEventListener('abort', abort);
        stream.on('error', () => {});
        if (signal.aborted) stream.destroy();
        else resolve(stream);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', abort);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
