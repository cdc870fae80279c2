import { describe, expect, test } from 'vitest';
import { compareVersions, parseConstraint, parseVersion } from './semver.ts';

describe('constraints', () => {
  test.each([
    { constraint: '~v0.0', yes: ['v0.0.1', '0.0.99', 'v0.0.0'], no: ['v0.1.0', 'v1.0.0', '0.0.1-rc.1'] },
    { constraint: '~v0.0*', yes: ['v0.0.1', 'v0.0.12'], no: ['v0.1.0'] },
    { constraint: '~1.2.3', yes: ['1.2.3', '1.2.9'], no: ['1.2.2', '1.3.0'] },
    { constraint: '~1', yes: ['1.0.0', '1.9.9'], no: ['2.0.0', '0.9.0'] },
    { constraint: '^1.2', yes: ['1.2.0', '1.9.0'], no: ['1.1.9', '2.0.0'] },
    { constraint: '^0.2.3', yes: ['0.2.3', '0.2.9'], no: ['0.3.0', '0.2.2'] },
    { constraint: '^0.0.3', yes: ['0.0.3'], no: ['0.0.4'] },
    { constraint: '0.0.x', yes: ['0.0.7'], no: ['0.1.0'] },
    { constraint: '*', yes: ['1.0.0', 'v0.0.1'], no: ['1.0.0-rc1'] },
    { constraint: '>=1.0 <2.0', yes: ['1.0.0', '1.9.9'], no: ['0.9.9', '2.0.0'] },
    { constraint: '>= 1.0, < 2.0', yes: ['1.5.0'], no: ['2.0.0'] },
    { constraint: '>1.2', yes: ['1.3.0', '2.0.0'], no: ['1.2.0', '1.2.9'] },
    { constraint: '<=1.2', yes: ['1.2.0', '1.2.9', '1.1.0'], no: ['1.3.0'] },
    { constraint: '!=1.2.3', yes: ['1.2.4'], no: ['1.2.3'] },
    { constraint: '1.2 - 1.4.5', yes: ['1.2.0', '1.4.5'], no: ['1.4.6', '1.1.9'] },
    { constraint: '^1 || ^3', yes: ['1.1.0', '3.2.0'], no: ['2.0.0'] },
    { constraint: '>=1.0.0-0', yes: ['1.0.0-rc.1', '1.0.0'], no: ['0.9.0'] },
    { constraint: 'latest', yes: [], no: [], invalid: true },
  ])('$constraint', ({ constraint, yes, no, invalid }) => {
    if (invalid === true) {
      expect(() => parseConstraint(constraint)).toThrow(/is no semver constraint/);
      return;
    }
    const holds = parseConstraint(constraint);
    const matching = [...yes, ...no].filter((text) => {
      const version = parseVersion(text);
      return version !== undefined && holds(version);
    });

    expect(matching).toEqual(yes);
  });
});

describe('versions', () => {
  test('are ordered as semver.org does', () => {
    const ordered = [
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      'v1.0.1',
      '1.10.0',
    ];
    const shuffled = ordered.toReversed();

    const sorted = shuffled.toSorted((left, right) => {
      const [one, other] = [parseVersion(left), parseVersion(right)];
      return one === undefined || other === undefined ? 0 : compareVersions(one, other);
    });

    expect(sorted).toEqual(ordered);
  });

  test.each(['latest', 'v1.x', '1.2.3.4', '', 'master-abc'])('%s is none', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });
});
