/** Which repository URLs reach the git command, and how they are shown. */

import { describe, expect, it } from 'vitest';
import { parseRemoteUrl, repositoryIdentity, safeUrl } from './url.ts';

describe('parseRemoteUrl', () => {
  it.each([
    { url: 'https://user:secret@host.example/a/b.git', gives: 'https://host.example/a/b.git' },
    { url: 'ssh://git@host.example/a/b.git', gives: 'ssh://git@host.example/a/b.git' },
    { url: 'git@host.example:a/b.git', gives: 'git@host.example:a/b.git' },
    { url: 'http://git.towpath-system/acme/shop.git', gives: 'http://git.towpath-system/acme/shop.git' },
  ])('accepts $url', ({ url, gives }) => {
    expect(parseRemoteUrl(url).url).toBe(gives);
  });

  it.each([
    '',
    '--upload-pack=touch /tmp/p',
    '-oProxyCommand=id',
    'ext::sh -c id',
    'fd::17',
    'file:///etc',
    '/etc',
    'ssh://-oProxyCommand=id/x',
    'https://host/',
    'ftp://host/a',
    'https://host/a\nb',
  ])('refuses %j', (url) => {
    expect(() => parseRemoteUrl(url)).toThrowError(expect.objectContaining({ code: 'GIT_URL_REFUSED' }));
  });
});

describe('safeUrl', () => {
  it.each([
    { url: 'https://user:secret@host/a', gives: 'https://***@host/a' },
    { url: 'https://token@host/a', gives: 'https://***@host/a' },
    { url: 'ssh://git@host/a', gives: 'ssh://git@host/a' },
    { url: 'git@host:a', gives: 'git@host:a' },
  ])('shows $url as $gives', ({ url, gives }) => {
    expect(safeUrl(url)).toBe(gives);
  });
});

describe('repositoryIdentity', () => {
  it('is one for every spelling of a repository', () => {
    const spellings = ['https://Host.example/a/b.git', 'ssh://git@host.example/a/b', 'git@host.example:a/b.git'];

    expect(new Set(spellings.map(repositoryIdentity))).toEqual(new Set(['host.example/a/b']));
  });
});
