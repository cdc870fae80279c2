import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadKubeconfig } from './kubeconfig.ts';
import { plainTarget } from './plain-kubeconfig.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A kubeconfig with one context for each of these users and clusters. */
function config(users: Record<string, object>, cluster: object = { server: 'https://127.0.0.1:6443' }): string {
  const names = Object.keys(users);
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': names[0],
    clusters: [{ name: 'c', cluster: { 'certificate-authority-data': base64('CA'), ...cluster } }],
    contexts: names.map((name) => ({ name, context: { cluster: 'c', user: name, namespace: `ns-${name}` } })),
    users: names.map((name) => ({ name, user: users[name] })),
  });
}

describe('plainTarget', () => {
  let folder = '';
  let file = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
    file = join(folder, 'config');
    await writeFile(join(folder, 'key.pem'), 'KEY');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    { name: 'a token', user: { token: 'secret' } },
    { name: 'a certificate', user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') } },
    { name: 'a key in a file', user: { 'client-certificate-data': base64('CERT'), 'client-key': 'key.pem' } },
  ])('reads $name as the library does', async ({ user }) => {
    await writeFile(file, config({ one: { token: 'other' }, two: user }));
    const read = await plainTarget(file, 'two');
    expect(read?.namespace).toBe('ns-two');
    expect(read?.transport.server).toBe('https://127.0.0.1:6443');
    expect(String(read?.transport.ca)).toBe('CA');
    if (user.token !== undefined) expect(read?.transport.headers).toEqual({ authorization: `Bearer ${user.token}` });
    else expect([String(read?.transport.cert), String(read?.transport.key)]).toEqual(['CERT', 'KEY']);
    expect(await loadKubeconfig({ file, context: 'two' })).toEqual(read);
  });

  it.each([
    { name: 'a plugin', text: config({ one: { exec: { command: 'x', apiVersion: 'v1' } } }) },
    { name: 'a proxy', text: config({ one: { token: 'x' } }, { server: 'https://a', 'proxy-url': 'http://p' }) },
    { name: 'a missing file', text: config({ one: { 'client-key': 'nowhere.pem' } }) },
    { name: 'no YAML', text: '{' },
  ])('leaves $name to the library', async ({ text }) => {
    await writeFile(file, text);
    expect(await plainTarget(file, undefined)).toBeUndefined();
  });
});
