import { describe, expect, test } from 'vitest';
import { chooseTag } from './choose-tag.ts';
import type { ImagePolicySpec } from './kinds.ts';
import { adler32 } from './scan-repository.ts';

const releases = ['v1.1.0', 'latest', '2.0.0-rc.1', '2.0', '1.2.0', '1.0.0'];
const builds = ['next-d-9', 'main-c-2', 'main-b-3', 'main-a-1'];

interface Row {
  readonly name: string;
  readonly policy: ImagePolicySpec['policy'];
  readonly filterTags?: ImagePolicySpec['filterTags'];
  readonly tags: readonly string[];
  readonly chosen: string;
}

describe('the tag a policy chooses', () => {
  test.each<Row>([
    { name: 'the highest version', policy: { semver: { range: '*' } }, tags: releases, chosen: 'tag 1.2.0' },
    { name: 'within a range', policy: { semver: { range: '~1.1' } }, tags: releases, chosen: 'tag v1.1.0' },
    { name: 'a pre-release', policy: { semver: { range: '>=1.0.0-0' } }, tags: releases, chosen: 'tag 2.0.0-rc.1' },
    {
      name: 'of equal versions',
      policy: { semver: { range: '1.x' } },
      tags: ['v1.0.0', '1.0.0'],
      chosen: 'tag v1.0.0',
    },
    {
      name: 'none in the range',
      policy: { semver: { range: '9.x' } },
      tags: releases,
      chosen: 'failed unable to determine latest version from provided list',
    },
    {
      name: 'no range',
      policy: { semver: { range: 'nonsense' } },
      tags: releases,
      chosen: 'invalid invalid policy: improper constraint: "nonsense"',
    },
    { name: 'last in the alphabet', policy: { alphabetical: {} }, tags: builds, chosen: 'tag next-d-9' },
    { name: 'first in it', policy: { alphabetical: { order: 'desc' } }, tags: builds, chosen: 'tag main-a-1' },
    { name: 'largest number', policy: { numerical: { order: 'asc' } }, tags: ['9.5', '2', '10'], chosen: 'tag 10' },
    { name: 'smallest number', policy: { numerical: { order: 'desc' } }, tags: ['9.5', '2', '10'], chosen: 'tag 2' },
    {
      name: 'no number',
      policy: { numerical: {} },
      tags: ['1a'],
      chosen: "failed failed to parse invalid numeric value '1a'",
    },
    {
      name: 'a part of the tag',
      policy: { numerical: {} },
      filterTags: { pattern: '^main-[a-z]-(?P<n>[0-9]+)$', extract: '$n' },
      tags: builds,
      chosen: 'tag main-b-3',
    },
    {
      name: 'whole tags that match',
      policy: { alphabetical: {} },
      filterTags: { pattern: '^main' },
      tags: builds,
      chosen: 'tag main-c-2',
    },
    {
      name: 'nothing matches',
      policy: { alphabetical: {} },
      filterTags: { pattern: '^other' },
      tags: builds,
      chosen: 'failed version list argument cannot be empty',
    },
    {
      name: 'no expression',
      policy: { alphabetical: {} },
      filterTags: { pattern: '(' },
      tags: builds,
      chosen:
        "invalid failed to filter tags: invalid regular expression pattern '(': error parsing regexp: missing closing ): `(`",
    },
    {
      name: 'no policy',
      policy: {},
      tags: builds,
      chosen: 'invalid invalid policy: given ImagePolicyChoice object is invalid',
    },
    {
      name: 'no order',
      policy: { numerical: { order: 'up' } },
      tags: builds,
      chosen: "invalid invalid policy: invalid order argument provided: 'UP', must be one of: ASC, DESC",
    },
  ])('$name', ({ policy, filterTags, tags, chosen }) => {
    const spec = { imageRepositoryRef: { name: 'web' }, policy, ...(filterTags !== undefined && { filterTags }) };

    const result = chooseTag(spec, tags);

    expect(`${result.type} ${result.type === 'tag' ? result.tag : result.because}`).toBe(chosen);
  });

  test('checksums are those of Go', () => {
    // hash/adler32 of the same bytes.
    expect([adler32('[]'), adler32('Wikipedia')]).toEqual([18_153_657, 300_286_872]);
  });
});
