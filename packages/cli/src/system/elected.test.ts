import { codeOf } from '@towpath/kit';
import { describe, expect, test } from 'vitest';
import { takeElectionFlags } from './elected.ts';

describe('flags of the election', () => {
  const none = {
    namespace: undefined,
    leaseDurationMs: undefined,
    renewDeadlineMs: undefined,
    retryPeriodMs: undefined,
  };

  test.each([
    { name: 'none', all: ['--workers=2'], args: ['--workers=2'], flags: { isEnabled: false, ...none } },
    {
      name: 'on, among others',
      all: ['-metrics-server=x', '--enable-leader-election', '-port=8080'],
      args: ['-metrics-server=x', '-port=8080'],
      flags: { isEnabled: true, ...none },
    },
    { name: 'said to be off', all: ['--enable-leader-election=false'], args: [], flags: { isEnabled: false, ...none } },
    {
      name: 'times and a namespace',
      all: [
        '-enable-leader-election=true',
        '--leader-election-namespace=flux',
        '--leader-election-lease-duration=35s',
        '--leader-election-renew-deadline=30s',
        '--leader-election-retry-period=5s',
      ],
      args: [],
      flags: {
        isEnabled: true,
        namespace: 'flux',
        leaseDurationMs: 35_000,
        renewDeadlineMs: 30_000,
        retryPeriodMs: 5_000,
      },
    },
  ])('$name', ({ all, args, flags }) => {
    expect(takeElectionFlags(all)).toEqual({ flags, args });
  });

  test('a leader that would go on after its lease is refused', () => {
    const taken = (): unknown => takeElectionFlags(['--leader-election-lease-duration=5s']);

    expect(taken).toThrow('--leader-election-renew-deadline is not below');
    expect(codeOf(caught(taken))).toBe('USAGE');
  });
});

function caught(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
