import { describe, expect, it } from 'vitest';
import { compareVersions, isStable, satisfies } from './version.ts';

describe('satisfies', () => {
  const rows: [version: string, range: string, want: boolean][] = [
    ['1.2.3', '1.2.3', true],
    ['1.2.3', '=1.2.3', true],
    ['1.2.3', '1.2', true],
    ['1.3.0', '1.2', false],
    ['1.2.3', '^1.0.0', true],
    ['2.0.0', '^1.0.0', false],
    ['0.2.9', '^0.2.3', true],
    ['0.3.0', '^0.2.3', false],
    ['0.0.4', '^0.0.3', false],
    ['1.2.9', '~1.2.3', true],
    ['1.3.0', '~1.2.3', false],
    ['1.9.0', '~1', true],
    ['1.2.3', '>=1.2.0, <2.0.0', true],
    ['1.2.3', '>=1.2.0 <1.2.3', false],
    ['1.2.3', '1.x', true],
    ['2.2.3', '1.x || 2.x', true],
    ['1.5.0', '1.0.0 - 2.0.0', true],
    ['2.0.1', '1.0.0 - 2.0.0', false],
    ['1.2.3-beta.1', '>=1.0.0', false],
    ['1.2.3-beta.1', '>0.0.0-0', true],
    ['1.2.3', '*', true],
    ['1.2.4', '!=1.2.3', true],
    ['1.3.0', '>1.2', true],
    ['1.2.9', '>1.2', false],
    ['1.2.3', 'nonsense', false],
  ];

  it.each(rows)('%s in %s: %s', (version, range, want) => {
    expect(satisfies(version, range)).toBe(want);
  });
});

describe('compareVersions', () => {
  it('sorts as semantic versioning does', () => {
    const sorted = ['1.0.0', '1.0.0-rc.1', '1.0.0-alpha', '1.0.0-alpha.1', '0.9.0', '1.0.0-beta.11', '1.0.0-beta.2'];

    expect(sorted.toSorted(compareVersions)).toEqual([
      '0.9.0',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
    ]);
    expect(isStable('1.0.0-rc.1')).toBe(false);
  });
});
