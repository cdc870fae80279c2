/** Exec and attach over a WebSocket: one byte of channel before each message. Source: v5.channel.k8s.io. */

import { PassThrough } from 'node:stream';
import type { WebSocket } from 'ws';
import { AsyncQueue } from '@towpath/kit';
import type { ExitStatus, PodTerminal, TerminalSize } from '../pod-streams.ts';
import { streamFailure } from '../subresources/pod-log.ts';

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const maxQueuedResizes = 1000;

/** Protocols that are understood, best first. */
export const terminalProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

export interface TerminalOptions {
  readonly tty: boolean;
  readonly stdin: boolean;
}

/** Runs `start` with the client's terminal and tells the client how it ended. */
export async function serveTerminal(
  socket: WebSocket,
  options: TerminalOptions,
  start: (terminal: PodTerminal) => Promise<ExitStatus>,
): Promise<void> {
  const abort = new AbortController();
  const stdin = new PassThrough();
  const resizes = new AsyncQueue<TerminalSize>({ limit: maxQueuedResizes });
  socket.on('message', (message: Buffer) => onMessage(message, { socket, stdin, resizes }));
  socket.on('close', () => {
    abort.abort();
    stdin.end();
    resizes.close();
  });
  socket.on('error', () => abort.abort());
  const send = (number: number) => (chunk: Uint8Array) => {
    if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.of(number), chunk]));
  };
  const terminal: PodTerminal = {
    tty: options.tty,
    ...(options.stdin ? { stdin } : {}),
    stdout: send(channel.stdout),
    stderr: send(channel.stderr),
    resizes,
    signal: abort.signal,
  };
  let status: unknown;
  try {
    status = exitStatus(await start(terminal));
  } catch (error) {
    status = streamFailure(error).status;
  }
  send(channel.error)(Buffer.from(JSON.stringify(status)));
  socket.close(1000);
}

interface Inputs {
  readonly socket: WebSocket;
  readonly stdin: PassThrough;
  readonly resizes: AsyncQueue<TerminalSize>;
}

function onMessage(message: Buffer, { socket, stdin, resizes }: Inputs): void {
  const body = message.subarray(1);
  switch (message[0]) {
    case channel.stdin:
      if (body.length > 0 && !stdin.write(body)) {
        socket.pause();
        stdin.once('drain', () => socket.resume());
      }
      break;
    case channel.resize: {
      const size = parseSize(body);
      if (size !== undefined) resizes.push(size);
      break;
    }
    case channel.close:
      if (body[0] === channel.stdin) stdin.end();
      break;
    default:
      break;
  }
}

function parseSize(body: Buffer): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(body.toString('utf8')) as { Width?: unknown; Height?: unknown };
    return typeof width === 'number' && typeof height === 'number' ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

/** The Status kubectl turns into its own exit code. */
export function exitStatus({ exitCode }: ExitStatus): unknown {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}
