/** Logs: records, partial lines, tail, since, following. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '@towpath/kit/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PodLogOptions } from '../../apiserver/pod-streams.ts';
import { LogWriter } from './log-file.ts';
import { readLog } from './read-log.ts';

let dir: string;
let clock: FakeClock;
let writer: LogWriter;
const base: PodLogOptions = { container: 'c', follow: false, previous: false, timestamps: false };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tp-log-'));
  clock = new FakeClock();
  writer = new LogWriter({ path: join(dir, 'c', '0.log'), clock });
});
afterEach(async () => {
  await writer.close();
  await rm(dir, { recursive: true, force: true });
});

async function read(options: Partial<PodLogOptions> = {}): Promise<string> {
  const path = join(dir, 'c', '0.log');
  const context = { clock, signal: new AbortController().signal };
  let text = '';
  for await (const part of readLog({ path, writer }, { ...base, ...options }, context)) text += part;
  return text;
}

test('lines are stored as CRI records and read back', async () => {
  writer.write('stdout', Buffer.from('one\ntw'));
  writer.write('stderr', Buffer.from('oops\n'));
  writer.write('stdout', Buffer.from('o\n\nlast'));
  await writer.close();

  expect(await readFile(join(dir, 'c', '0.log'), 'utf8')).toBe(
    [
      '2026-01-01T00:00:00.000000000Z stdout F one',
      '2026-01-01T00:00:00.000000001Z stderr F oops',
      '2026-01-01T00:00:00.000000002Z stdout F two',
      '2026-01-01T00:00:00.000000003Z stdout F ',
      '2026-01-01T00:00:00.000000004Z stdout F last',
      '',
    ].join('\n'),
  );
  expect(await read()).toBe('one\noops\ntwo\n\nlast\n');
  expect(await read({ tailLines: 2 })).toBe('\nlast\n');
  expect(await read({ tailLines: 0 })).toBe('');
  expect(await read({ limitBytes: 6 })).toBe('one\noo');
  expect(await read({ stream: 'Stderr' })).toBe('oops\n');
  expect(await read({ timestamps: true, tailLines: 1 })).toBe('2026-01-01T00:00:00.000000004Z last\n');
});

test('sinceSeconds leaves out what is older', async () => {
  writer.line('old');
  await clock.advance(60_000);
  writer.line('new');
  expect(await read({ sinceSeconds: 30 })).toBe('new\n');
});

test('a very long line is kept whole', async () => {
  const long = 'x'.repeat(40_000);
  writer.write('stdout', Buffer.from(`${long}\nnext\n`));
  expect(await read()).toBe(`${long}\nnext\n`);
});

test('following goes on until the container ends', async () => {
  writer.line('before');
  const following = read({ follow: true });
  await clock.advance(1);
  writer.line('after');
  await writer.close();
  expect(await following).toBe('before\nafter\n');
});
