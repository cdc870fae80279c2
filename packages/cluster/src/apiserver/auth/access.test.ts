/** Who may do what: tokens, roles, reviews and impersonation. */

import { ConfigMaps, Pods, resourcePath, ServiceAccounts, type AnyObject, type ResourceType } from '@towpath/api';
import { FakeClock } from '@towpath/kit/testing';
import { Client } from '@towpath/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestCluster, type TestCluster } from '../../testing/index.ts';
import { inProcessTransport } from '../transport.ts';

const roles: ResourceType<AnyObject> = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
};
const bindings: ResourceType<AnyObject> = { ...roles, kind: 'RoleBinding', plural: 'rolebindings' };

let cluster: TestCluster;
let clock: FakeClock;
let admin: Client;

beforeEach(async () => {
  clock = new FakeClock();
  cluster = await startTestCluster({ clock });
  admin = new Client({ transport: cluster.transport() });
});

afterEach(() => cluster.dispose());

function as(name: string, groups: string[] = ['system:authenticated']): Client {
  return new Client({ transport: cluster.transport({ name, groups }) });
}

async function allow(user: string, rule: object): Promise<void> {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  await admin.create(roles, { apiVersion, kind: 'Role', metadata: { name: 'r', namespace: 'default' }, rules: [rule] });
  await admin.create(bindings, {
    apiVersion,
    kind: 'RoleBinding',
    metadata: { name: 'b', namespace: 'default' },
    roleRef: { kind: 'Role', name: 'r' },
    subjects: [{ kind: 'User', name: user }],
  });
}

describe('roles', () => {
  it('refuse what no binding allows, in the words of a real server', async () => {
    await expect(as('bob').list(Pods)).rejects.toMatchObject({
      status: 403,
      message: 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" at the cluster scope',
    });
  });

  it('allow what a binding says, from the next request on', async () => {
    const bob = as('bob');
    await expect(bob.list(Pods, { namespace: 'default' })).rejects.toMatchObject({ status: 403 });
    await allow('bob', { apiGroups: [''], resources: ['pods'], verbs: ['list'] });

    expect((await bob.list(Pods, { namespace: 'default' })).items).toEqual([]);
    await expect(bob.list(Pods)).rejects.toMatchObject({ status: 403 });
    await expect(bob.list(ConfigMaps, { namespace: 'default' })).rejects.toMatchObject({ status: 403 });
  });

  it('are there from the start', async () => {
    const bob = as('bob', ['system:authenticated', 'system:masters']);
    const view = as('viewer');
    await admin.create(
      { ...bindings, kind: 'ClusterRoleBinding', plural: 'clusterrolebindings', namespaced: false },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'viewers' },
        roleRef: { kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'User', name: 'viewer' }],
      },
    );

    expect((await bob.list(Pods)).items).toEqual([]);
    // `view` is put together from other roles by their labels.
    expect((await view.list(Pods)).items).toEqual([]);
  });
});

describe('tokens', () => {
  async function tokenFor(account: string): Promise<string> {
    await admin.create(ServiceAccounts, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: account, namespace: 'default' },
    });
    const response = await admin.request({
      method: 'POST',
      path: resourcePath(ServiceAccounts, { namespace: 'default', name: account, subresource: 'token' }),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: 600 },
      }),
    });
    const answer = JSON.parse(await response.text()) as { status: { token: string } };
    return answer.status.token;
  }

  async function whoami(token: string): Promise<{ status: number; name: string | undefined }> {
    const response = await inProcessTransport(cluster.server).request({
      method: 'POST',
      path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }),
    });
    const answer = JSON.parse(await response.text()) as { status: { userInfo?: { username: string } } };
    return { status: response.status, name: answer.status.userInfo?.username };
  }

  it('end with their time and with their account', async () => {
    const first = await tokenFor('one');
    const second = await tokenFor('two');
    await admin.delete(ServiceAccounts, { namespace: 'default', name: 'two' });

    expect((await whoami(second)).status).toBe(401);
    await clock.advance(601_000);
    expect((await whoami(first)).status).toBe(401);
  });

  it('stand for their service account, and are refused when they were changed', async () => {
    const token = await tokenFor('builder');
    const [header, payload, signature] = token.split('.');
    const forged = Buffer.from((payload ?? '').replaceAll('-', '+'), 'base64')
      .toString('utf8')
      .replace('builder', 'default');

    expect(await whoami(token)).toEqual({ status: 201, name: 'system:serviceaccount:default:builder' });
    expect(
      (await whoami(`${header ?? ''}.${Buffer.from(forged).toString('base64url')}.${signature ?? ''}`)).status,
    ).toBe(401);
    expect((await whoami('nonsense')).status).toBe(401);
  });
});

describe('impersonation', () => {
  const request = { method: 'GET', path: '/api/v1/pods', headers: { 'impersonate-user': 'bob' } } as const;

  it('acts as the other user', async () => {
    const response = await cluster.transport().request(request);

    expect(response.status).toBe(403);
    expect(await response.text()).toContain('User \\"bob\\" cannot list');
  });

  it('needs the right to', async () => {
    const response = await cluster.transport({ name: 'eve', groups: [] }).request(request);

    expect(await response.text()).toContain('User \\"eve\\" cannot impersonate resource \\"users\\"');
  });
});
