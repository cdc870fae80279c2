/** Exec and attach over SPDY, as kubectl before 1.30 and older Go clients ask for it: one stream per channel. */

import type { Duplex } from 'node:stream';
import { AsyncQueue } from '@towpath/kit';
import type { ExitStatus, PodTerminal, TerminalSize } from '../pod-streams.ts';
import { streamFailure } from '../subresources/pod-log.ts';
import { SpdyConnection, type SpdyStream } from './spdy-connection.ts';
import { exitStatus, type TerminalOptions } from './terminal-channels.ts';

/** How long the client has to open its streams. */
const openingLimitMs = 30_000;

export interface SpdyTerminalOptions extends TerminalOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Runs `start` with the client's terminal and tells the client how it ended. */
export async function serveSpdyTerminal(
  wire: Duplex,
  options: SpdyTerminalOptions,
  start: (terminal: PodTerminal) => Promise<ExitStatus>,
): Promise<void> {
  const wanted = new Set(['error']);
  for (const name of ['stdin', 'stdout', 'stderr'] as const) if (options[name]) wanted.add(name);
  if (options.tty) {
    wanted.delete('stderr');
    wanted.add('resize');
  }
  const streams = new Map<string, SpdyStream>();
  const abort = new AbortController();
  let opened = (): void => {};
  const allOpen = new Promise<void>((resolve) => {
    opened = resolve;
  });
  const connection = new SpdyConnection(wire, (stream) => {
    streams.set(stream.headers.get('streamtype') ?? '', stream);
    if ([...wanted].every((name) => streams.has(name))) opened();
  });
  const running = connection.run().finally(() => abort.abort());
  const limit = setTimeout(() => wire.destroy(), openingLimitMs);
  await Promise.race([allOpen, running]);
  clearTimeout(limit);
  if (abort.signal.aborted) return;
  const status = await outcome(streams, abort.signal, options, start);
  const error = streams.get('error');
  await new Promise<void>((resolve) => {
    if (error === undefined) resolve();
    else error.end(JSON.stringify(status), () => resolve());
  });
  for (const stream of streams.values()) stream.end();
  await running.catch(() => {});
}

async function outcome(
  streams: ReadonlyMap<string, SpdyStream>,
  signal: AbortSignal,
  options: SpdyTerminalOptions,
  start: (terminal: PodTerminal) => Promise<ExitStatus>,
): Promise<unknown> {
  const resizes = new AsyncQueue<TerminalSize>({ limit: 1000 });
  streams.get('resize')?.on('data', (chunk: Buffer) => {
    const { Width: width, Height: height } = JSON.parse(chunk.toString('utf8')) as { Width: number; Height: number };
    resizes.push({ width, height });
  });
  signal.addEventListener('abort', () => resizes.close());
  const write = (name: string) => (chunk: Uint8Array) => {
    streams.get(name)?.write(chunk);
  };
  const stdin = streams.get('stdin');
  try {
    return exitStatus(
      await start({
        tty: options.tty,
        ...(stdin === undefined ? {} : { stdin }),
        stdout: write('stdout'),
        stderr: write('stderr'),
        resizes,
        signal,
      }),
    );
  } catch (error) {
    return streamFailure(error).status;
  }
}
