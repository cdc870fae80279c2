/** Flux from end to end: pushes to a real Git server become objects of a real API server. */

import { ConfigMaps, Events, findCondition, Namespaces, Secrets, Syncs, type Sync } from '@towpath/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHmac } from 'node:crypto';
import { systemClock } from '@towpath/kit';
import { publicKeyOf } from './identity.ts';
import { checksumAnnotation, gcMark, gcMarkLabel, syncSetName } from './marks.ts';
import { requestSync } from './request.ts';
import { repositoryUrl, startFixture, type Fixture } from './testing/fixture.ts';

let fixture: Fixture;

beforeEach(async () => {
  fixture = await startFixture();
});

afterEach(() => fixture.dispose());

const namespaceFile = 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: microservices-demo\n';
const configMap = (name: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: default\ndata:\n  key: ${value}\n`;

const args = ['--git-path=deploy', '--sync-interval=1h', '--git-poll-interval=1h'];

function synced(revision: string): Promise<Sync> {
  return fixture.eventually(async () => {
    const sync = await fixture.client.get(Syncs, { namespace: 'flux', name: 'flux' });
    return sync?.status?.syncedRevision === revision ? sync : undefined;
  });
}

async function request(): Promise<string[]> {
  const said: string[] = [];
  await requestSync({
    client: fixture.client,
    namespace: 'flux',
    clock: systemClock,
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    say: (line) => said.push(line),
  });
  return said;
}

describe('a first sync', () => {
  test('applies, marks, logs and moves the tag', async () => {
    const revision = await fixture.push({ 'deploy/namespaces/ns.yaml': namespaceFile, 'README.md': 'hello' });

    await fixture.start({ args });
    const sync = await synced(revision);

    const namespace = await fixture.client.get(Namespaces, { name: 'microservices-demo' });
    const setName = syncSetName({ url: repositoryUrl, branch: 'master', paths: ['deploy'] });
    const mark = gcMark(setName, '<cluster>:namespace/microservices-demo');
    expect(mark).toMatch(/^sha256\.[A-Za-z0-9_-]{43}$/);
    expect(namespace?.metadata.labels?.[gcMarkLabel]).toBe(mark);
    expect(namespace?.metadata.annotations?.[checksumAnnotation]).toMatch(/^[0-9a-f]{40}$/);
    expect(findCondition(sync.status?.conditions, 'Ready')?.status).toBe('True');
    const applied = fixture.lines.find((line) => line.includes('microservices-demo created'));
    expect(applied).toMatch(
      /^ts=\S+ caller=sync\.go:\d+ method=Sync cmd="kubectl apply -f -" took=\S+ err=null output="namespace\/microservices-demo created"$/,
    );
    expect(fixture.lines.join('\n')).toMatch(`event=refreshed url=${repositoryUrl} branch=master HEAD=${revision}`);
    expect(fixture.lines.join('\n')).toMatch(`info="trying to sync git changes to the cluster" old="" new=${revision}`);
    await fixture.eventually(async () => (await fixture.mirror.fetch()).tags['flux-sync'] === revision);
  });

  test('leaves charts alone and names what it cannot read by file and line', async () => {
    const revision = await fixture.push({
      'deploy/charts/web/Chart.yaml': 'name: web\n',
      'deploy/charts/web/values.yaml': 'image: {}\n',
      'deploy/charts/web/templates/x.yaml': 'kind: {{ .Values.kind }}\n',
      'deploy/a.yaml': configMap('first', 'one'),
      'deploy/bad.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [\n',
      'deploy/c.yaml': `${configMap('second', 'two')}---\napiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: w\n`,
    });

    await fixture.start({ args });
    const sync = await synced(revision);

    expect((await fixture.client.get(ConfigMaps, { namespace: 'default', name: 'first' }))?.data).toEqual({
      key: 'one',
    });
    expect(await fixture.client.get(ConfigMaps, { namespace: 'default', name: 'second' })).toBeDefined();
    expect(sync.status?.problems?.map(({ source }) => source.replace(/:\d+$/, ''))).toEqual([
      'deploy/bad.yaml',
      'deploy/c.yaml',
    ]);
    expect(sync.status?.problems?.[1]?.message).toBe('no matches for kind "Widget" in version "example.com/v1"');
    const events = await fixture.eventually(async () => {
      const { items } = await fixture.client.list(Events, { namespace: 'flux' });
      return items.length >= 2 ? items : undefined;
    });
    expect(events.every((event) => event.reason === 'ManifestFailed' && event.type === 'Warning')).toBe(true);
    expect(events.some((event) => event.message?.startsWith('deploy/bad.yaml:'))).toBe(true);
  });
});

describe('later syncs', () => {
  test('follow a request, change what changed and print what fluxctl prints', async () => {
    await fixture.push({ 'deploy/a.yaml': configMap('first', 'one') });
    await fixture.start({ args });
    await fixture.eventually(() => fixture.client.get(ConfigMaps, { namespace: 'default', name: 'first' }));
    const revision = await fixture.push({ 'deploy/a.yaml': configMap('first', 'two') });

    const said = await request();

    const short = revision.slice(0, 7);
    expect(said).toEqual([
      `Synchronizing with ${repositoryUrl}`,
      `Revision of master to apply is ${short}`,
      `Waiting for ${short} to be applied ...`,
      'Done.',
    ]);
    expect((await fixture.client.get(ConfigMaps, { namespace: 'default', name: 'first' }))?.data).toEqual({
      key: 'two',
    });
    expect(fixture.lines.some((line) => line.includes('output="configmap/first configured"'))).toBe(true);
  });

  test('leave fields of others alone, and objects that say so', async () => {
    await fixture.push({ 'deploy/a.yaml': configMap('first', 'one'), 'deploy/b.yaml': configMap('kept', 'one') });
    await fixture.start({ args });
    await fixture.eventually(() => fixture.client.get(ConfigMaps, { namespace: 'default', name: 'kept' }));
    const ours = { namespace: 'default', name: 'first' };
    await fixture.client.patch(ConfigMaps, ours, { data: { other: 'mine' } }, { kind: 'merge' });
    const ignore = { metadata: { annotations: { 'fluxcd.io/ignore': 'true' } } };
    await fixture.client.patch(ConfigMaps, { namespace: 'default', name: 'kept' }, ignore, { kind: 'merge' });
    await fixture.push({ 'deploy/a.yaml': configMap('first', 'two'), 'deploy/b.yaml': configMap('kept', 'two') });

    await request();

    expect((await fixture.client.get(ConfigMaps, ours))?.data).toEqual({ key: 'two', other: 'mine' });
    expect((await fixture.client.get(ConfigMaps, { namespace: 'default', name: 'kept' }))?.data).toEqual({
      key: 'one',
    });
  });

  test('delete what left Git only when asked to, and only what still carries the mark', async () => {
    await fixture.push({
      'deploy/a.yaml': configMap('first', 'one'),
      'deploy/b.yaml': configMap('adopted', 'one'),
      'deploy/c.yaml': configMap('stays', 'one'),
    });
    await fixture.start({ args: [...args, '--sync-garbage-collection=true'] });
    await fixture.eventually(() => fixture.client.get(ConfigMaps, { namespace: 'default', name: 'stays' }));
    const unmark = { metadata: { labels: { [gcMarkLabel]: null } } };
    await fixture.client.patch(ConfigMaps, { namespace: 'default', name: 'adopted' }, unmark, { kind: 'merge' });
    await fixture.push({ 'deploy/a.yaml': null, 'deploy/b.yaml': null });

    await request();

    const names = (await fixture.client.list(ConfigMaps, { namespace: 'default' })).items.map(
      ({ metadata }) => metadata.name,
    );
    expect(names.filter((name) => name !== 'kube-root-ca.crt').toSorted()).toEqual(['adopted', 'stays']);
    expect(fixture.lines.some((line) => /deleting.*resource=default:configmap\/first/.test(line))).toBe(true);
  });

  test('apply nothing when two files declare one object', async () => {
    await fixture.push({ 'deploy/a.yaml': configMap('first', 'one'), 'deploy/b.yaml': configMap('first', 'two') });
    await fixture.start({ args });

    await expect(request()).rejects.toThrow(
      /duplicate definition of 'default:configmap\/first' \(in deploy\/a\.yaml:1 and deploy\/b\.yaml:1\)/,
    );
    expect(await fixture.client.get(ConfigMaps, { namespace: 'default', name: 'first' })).toBeUndefined();
    await fixture.push({ 'deploy/b.yaml': null });
    expect((await request()).at(-1)).toBe('Done.');
  });
});

describe('the endpoint', () => {
  test('fetches on a verified webhook only', async () => {
    await fixture.push({ 'deploy/a.yaml': configMap('first', 'one') });
    await fixture.start({ args, env: { FLUX_WEBHOOK_SECRET: 's3cret' } });
    await fixture.eventually(() => fixture.client.get(ConfigMaps, { namespace: 'default', name: 'first' }));
    const revision = await fixture.push({ 'deploy/a.yaml': configMap('first', 'two') });
    const body = JSON.stringify({ ref: 'refs/heads/master', repository: { clone_url: repositoryUrl } });
    const sign = (secret: string) => ({
      'x-github-event': 'push',
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    });

    const refused = await fixture.call('POST', '/hook', { headers: sign('wrong'), body });
    const accepted = await fixture.call('POST', '/hook', { headers: sign('s3cret'), body });

    expect([refused.status, accepted.status]).toEqual([401, 202]);
    await synced(revision);
  });

  test('answers what fluxctl asks', async () => {
    const revision = await fixture.push({ 'deploy/a.yaml': configMap('first', 'one') });
    await fixture.start({ args });
    await synced(revision);

    const config = await fixture.call('POST', '/api/flux/v9/git-repo-config', { body: '{}' });
    const job = await fixture.call('POST', '/api/flux/v9/update-manifests', { body: JSON.stringify({ type: 'sync' }) });
    const id = JSON.parse(job.body) as string;
    const status = await fixture.eventually(async () => {
      const answer = await fixture.call('GET', `/api/flux/v6/jobs?id=${id}`);
      return answer.body.includes('succeeded') ? answer.body : undefined;
    });
    const pending = await fixture.call('GET', `/api/flux/v6/sync?ref=${revision}`);

    expect(JSON.parse(config.body)).toMatchObject({
      remote: { url: repositoryUrl, branch: 'master' },
      status: 'ready',
    });
    expect(JSON.parse(status)).toMatchObject({ Result: { revision } });
    expect(JSON.parse(pending.body)).toEqual([]);
  });
});

test('makes a deploy key, once', async () => {
  await fixture.dispose();
  fixture = await startFixture({ withKey: false });
  await fixture.push({ 'deploy/a.yaml': configMap('first', 'one') });
  const key = { namespace: 'flux', name: 'flux-git-deploy' };

  await fixture.start({ args });
  const first = await fixture.client.get(Secrets, key);
  await fixture.stop();
  await fixture.start({ args });

  expect(publicKeyOf(first, 'x')).toMatch(/^ssh-rsa AAAAB3NzaC1yc2E\S+$/);
  expect((await fixture.client.get(Secrets, key))?.data).toEqual(first?.data);
});

test('an unknown flag ends it with its name', async () => {
  await expect(fixture.start({ args: ['--sync-everything'] })).rejects.toThrow(
    /does not know the argument "--sync-everything"/,
  );
});
