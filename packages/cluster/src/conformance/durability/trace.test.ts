/** The trace's judgement: it sees a missing sync. */

import { describe, expect, it } from 'vitest';
import { checkTrace } from './trace.ts';

const opened = '1 openat(AT_FDCWD, "", O_RDWR|O_DSYNC|O_CLOEXEC) = 21</d/wal-0>';
const socket = '25<TCP:[127.0.0.1:6443->127.0.0.1:5000]>';
const request = `1     read(${socket}, ""..., 65536) = 300`;
const answer = `1 write(${socket}, ""..., 548) = 548`;
const logged = '2 pwrite64(21</d/wal-0>, ""..., 4096, 8192) = 4096';

const rows: readonly { name: string; lines: readonly string[]; violations: number }[] = [
  { name: 'an answer after the synced write', lines: [opened, request, logged, answer], violations: 0 },
  {
    name: 'a write that another thread interrupts in the trace',
    lines: [
      opened,
      request,
      '2 pwrite64(21</d/wal-0>, ""..., 4096, 0 <unfinished ...>',
      '2     <... pwrite64 resumed>) = 4096',
      answer,
    ],
    violations: 0,
  },
  { name: 'no write', lines: [opened, request, answer], violations: 1 },
  {
    name: 'a write that does not sync',
    lines: [opened.replace('|O_DSYNC', ''), request, logged, answer],
    violations: 1,
  },
  {
    name: 'a write that failed',
    lines: [opened, request, logged.replace('= 4096', '= -1 EIO'), answer],
    violations: 1,
  },
  { name: 'a write after the answer', lines: [opened, request, answer, logged], violations: 1 },
  { name: 'a write that began before the request', lines: [opened, logged, request, answer], violations: 1 },
  {
    name: 'a write that has not ended',
    lines: [opened, request, '2 pwrite64(21</d/wal-0>, ""..., 4096, 0 <unfinished ...>', answer],
    violations: 1,
  },
];

describe('a trace', () => {
  it.each(rows)('with $name', ({ lines, violations }) => {
    const traced = checkTrace(lines.join('\n'), { ports: [5000], answersEach: 1 });

    expect(traced.answers).toBe(1);
    expect(traced.violations).toHaveLength(violations);
  });
});
