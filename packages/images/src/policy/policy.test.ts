import { describe, expect, test } from 'vitest';
import { decideTag, isAutomated, parseTagPolicy, tagPolicyOf, type TagInfo } from './policy.ts';

const object = (annotations: Record<string, string>) => ({
  apiVersion: 'helm.fluxcd.io/v1',
  kind: 'HelmRelease',
  metadata: { name: 'frontend', annotations },
});

/** The n-th tag was pushed in the n-th second. */
const pushed = (...names: string[]): TagInfo[] =>
  names.map((name, index) => ({ name, createdAtMs: (index + 1) * 1000 }));

describe('annotations', () => {
  test.each([
    { name: 'new prefix', annotations: { 'fluxcd.io/automated': 'true' }, automated: true },
    { name: 'old prefix', annotations: { 'flux.weave.works/automated': 'true' }, automated: true },
    { name: 'only the text true', annotations: { 'fluxcd.io/automated': 'yes' }, automated: false },
    { name: 'locked', annotations: { 'fluxcd.io/automated': 'true', 'fluxcd.io/locked': 'true' }, automated: false },
    { name: 'ignored', annotations: { 'fluxcd.io/automated': 'true', 'fluxcd.io/ignore': 'true' }, automated: false },
    {
      name: 'ignore "false"',
      annotations: { 'fluxcd.io/automated': 'true', 'fluxcd.io/ignore': 'false' },
      automated: true,
    },
    { name: 'none', annotations: {}, automated: false },
  ])('$name', ({ annotations, automated }) => {
    expect(isAutomated(object(annotations as Record<string, string>))).toBe(automated);
  });

  test.each([
    { annotations: { 'flux.weave.works/tag.chart-image': 'semver:~v0.0' }, text: 'semver:~v0.0' },
    { annotations: { 'fluxcd.io/tag.chart-image': 'glob:v*' }, text: 'glob:v*' },
    { annotations: { 'filter.fluxcd.io/chart-image': 'regex:^v' }, text: 'regex:^v' },
    { annotations: {}, text: 'glob:*' },
  ])('$text', ({ annotations, text }) => {
    expect(tagPolicyOf(object(annotations as Record<string, string>), 'chart-image').text).toBe(text);
  });
});

describe('decisions', () => {
  test.each([
    {
      name: 'the newest version',
      policy: 'semver:~v0.0',
      current: 'v0.0.1',
      tags: ['v0.0.1', 'v0.0.10', 'v0.0.9', 'v0.1.0'],
      tag: 'v0.0.10',
    },
    {
      name: 'whatever was pushed last',
      policy: 'semver:~v0.0',
      current: 'v0.0.10',
      tags: ['v0.0.10', 'v0.0.9'],
      tag: undefined,
    },
    { name: 'never lower', policy: 'semver:~v0.0', current: 'v0.1.0', tags: ['v0.0.9'], tag: undefined },
    {
      name: 'from a name that is no version',
      policy: 'semver:~v0.0',
      current: 'latest',
      tags: ['v0.0.3', 'latest'],
      tag: 'v0.0.3',
    },
    { name: 'no match', policy: 'semver:^2', current: 'v1.0.0', tags: ['v1.0.0', 'v1.1.0'], tag: undefined },
    {
      name: 'glob by time',
      policy: 'glob:main-*',
      current: 'main-a',
      tags: ['main-a', 'main-c', 'dev-x', 'main-b'],
      tag: 'main-b',
    },
    {
      name: 'regexp by time',
      policy: 'regexp:^main-[a-c]$',
      current: 'main-a',
      tags: ['main-a', 'main-c', 'main-d'],
      tag: 'main-c',
    },
    {
      name: 'a glob never lowers a version',
      policy: 'glob:v*',
      current: 'v0.0.10',
      tags: ['v0.0.10', 'v0.0.9'],
      tag: undefined,
    },
    { name: 'no prefix is a glob', policy: 'v*', current: 'v1', tags: ['v1', 'v2'], tag: 'v2' },
  ])('$name', ({ policy, current, tags, tag }) => {
    const decision = decideTag(parseTagPolicy(policy), current, pushed(...tags));

    expect(decision.type === 'update' ? decision.tag : undefined).toBe(tag);
  });

  test('a tag without a time is not chosen by time', () => {
    const decision = decideTag(parseTagPolicy('glob:*'), 'a', [{ name: 'b', createdAtMs: 0 }]);

    expect(decision).toEqual({ type: 'keep', because: 'image with zero created timestamp' });
  });
});
