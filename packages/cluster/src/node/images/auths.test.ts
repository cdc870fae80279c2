/** Which credentials open which registry. */

import { expect, test } from 'vitest';
import { authsFor, authsOfSecret, parseAuths } from './auths.ts';

const auth = (text: string): string => Buffer.from(text).toString('base64');

const auths = parseAuths(
  JSON.stringify({
    auths: {
      'registry.example:5000': { auth: auth('plain:a:b') },
      'https://registry.example:5000/team/': { username: 'team', password: 'pw' },
      'https://index.docker.io/v1/': { auth: auth('hub:pw') },
      '*.cloud.example': { auth: auth('any:pw') },
      'broken.example': { auth: auth('nocolon') },
    },
  }),
);

test.each([
  { image: 'registry.example:5000/other/app:1', names: ['plain'] },
  { image: 'registry.example:5000/team/app:1', names: ['team', 'plain'] },
  { image: 'registry.example/team/app:1', names: [] },
  { image: 'acme/app', names: ['hub'] },
  { image: 'docker.io/library/app:2', names: ['hub'] },
  { image: 'eu.cloud.example/app:2', names: ['any'] },
  { image: 'a.eu.cloud.example/app:2', names: [] },
  { image: 'broken.example/app:2', names: [] },
])('$image is opened by $names', ({ image, names }) => {
  expect(authsFor(image, auths).map(({ username }) => username)).toEqual(names);
});

test('passwords may hold colons', () => {
  expect(authsFor('registry.example:5000/x', auths)[0]).toEqual({ username: 'plain', password: 'a:b' });
});

test.each([
  {
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': '{"auths":{"r.example":{"auth":"YTpi"}}}' },
    count: 1,
  },
  { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': '{"r.example":{"auth":"YTpi"}}' }, count: 1 },
  { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': 'no json' }, count: 0 },
  { type: 'Opaque', data: { '.dockerconfigjson': '{"auths":{"r.example":{"auth":"YTpi"}}}' }, count: 0 },
])('a secret of type $type has $count', ({ type, data, count }) => {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, auth(text)]));
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pull' }, type, data: encoded } as const;
  expect(authsOfSecret(secret)).toHaveLength(count);
});
