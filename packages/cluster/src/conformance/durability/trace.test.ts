/** The trace's judgement: it sees a missing sync. */

import { describe, expect, it } from 'vitest';
import { checkTrace } from './trace.ts';

const opened = [
  '1 openat(AT_FDCWD, "", O_RDWR|O_CREAT|O_CLOEXEC, 0664) = 20</d/data.mdb>',
  '1 openat(AT_FDCWD, "", O_WRONLY|O_DSYNC|O_CLOEXEC) = 21</d/data.mdb>',
];
const socket = '25<TCP:[127.0.0.1:6443->127.0.0.1:5000]>';
const request = `1 read(${socket}, ""..., 65536) = 300`;
const answer = `1 write(${socket}, ""..., 548) = 548`;
const pages = '2 pwrite64(20</d/data.mdb>, ""..., 4096, 8192) = 4096';
const sync = '2 fdatasync(20</d/data.mdb>) = 0';
const head = '2 pwrite64(21</d/data.mdb>, ""..., 128, 40) = 128';

const rows: readonly { name: string; lines: readonly string[]; violations: number }[] = [
  { name: 'an answer after the sync', lines: [request, pages, sync, head, answer], violations: 0 },
  {
    name: 'a sync that another thread interrupts in the trace',
    lines: [
      request,
      pages,
      '2 fdatasync(20</d/data.mdb> <unfinished ...>',
      '2 <... fdatasync resumed>) = 0',
      head,
      answer,
    ],
    violations: 0,
  },
  { name: 'no sync', lines: [request, pages, head, answer], violations: 1 },
  { name: 'a sync that failed', lines: [request, pages, sync.replace('= 0', '= -1 EIO'), head, answer], violations: 1 },
  { name: 'pages after the sync', lines: [request, pages, sync, pages, head, answer], violations: 1 },
  { name: 'no header yet', lines: [request, pages, sync, answer, head], violations: 1 },
  { name: 'a transaction that began before the request', lines: [pages, request, sync, head, answer], violations: 1 },
];

describe('a trace', () => {
  it.each(rows)('with $name', ({ lines, violations }) => {
    const traced = checkTrace([...opened, ...lines].join('\n'), { ports: [5000], answersEach: 1 });

    expect(traced.answers).toBe(1);
    expect(traced.violations).toHaveLength(violations);
  });
});
