/** Resource quotas and limit ranges against the server in memory. */

import { Client } from '@towpath/runtime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestCluster, type TestCluster } from '../../testing/index.ts';
import { addAmounts, amountsOf, listOfAmounts } from './amounts.ts';

let cluster: TestCluster;
let client: Client;
const base = '/api/v1/namespaces/default';

beforeAll(async () => {
  cluster = await startTestCluster();
  client = new Client({ transport: cluster.transport() });
  await post('/serviceaccounts', { kind: 'ServiceAccount', metadata: { name: 'default' } });
});

afterAll(() => cluster.dispose());

/** The answer's text, whatever its code. */
async function ask(method: 'DELETE' | 'GET' | 'POST', path: string, body?: object): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const payload = body === undefined ? {} : { body: JSON.stringify({ apiVersion: 'v1', ...body }) };
  const response = await client.request({ method, path: `${base}${path}`, headers, ...payload });
  return response.text();
}

async function post(path: string, body: object): Promise<string> {
  return ask('POST', path, body);
}

function pod(name: string, resources: object = {}): object {
  return { kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'c', image: 'x', resources }] } };
}

it('refuses what a quota does not allow, and counts what is there', async () => {
  const hard = { pods: '2', 'requests.cpu': '1', 'count/configmaps': '1' };
  await post('/resourcequotas', { kind: 'ResourceQuota', metadata: { name: 'quota' }, spec: { hard } });

  expect(await post('/pods', pod('a'))).toContain('failed quota: quota: must specify requests.cpu for: c');
  expect(await post('/pods', pod('a', { requests: { cpu: '600m' } }))).toContain('"name":"a"');
  expect(await post('/pods', pod('b', { requests: { cpu: '500m' } }))).toContain(
    'pods \\"b\\" is forbidden: exceeded quota: quota, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1',
  );
  expect(await post('/configmaps', { kind: 'ConfigMap', metadata: { name: 'one' } })).toContain('"name":"one"');
  expect(await post('/configmaps', { kind: 'ConfigMap', metadata: { name: 'two' } })).toContain(
    'exceeded quota: quota, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1',
  );
  await expect
    .poll(() => ask('GET', '/resourcequotas/quota'))
    .toContain('"used":{"count/configmaps":"1","pods":"1","requests.cpu":"600m"}');
  await ask('DELETE', '/resourcequotas/quota');
});

it('gives pods what a limit range says, and refuses what is outside of it', async () => {
  const limits = [{ type: 'Container', max: { cpu: '1' }, defaultRequest: { cpu: '100m' } }];
  await post('/limitranges', { kind: 'LimitRange', metadata: { name: 'range' }, spec: { limits } });

  const made = await post('/pods', pod('ranged'));
  expect(made).toContain('"resources":{"requests":{"cpu":"100m"},"limits":{"cpu":"1"}}');
  expect(made).toContain('"qosClass":"Burstable"');
  expect(made).toContain('LimitRanger plugin set: cpu request for container c; cpu limit for container c');
  expect(await post('/pods', pod('large', { limits: { cpu: '2' } }))).toContain(
    'pods \\"large\\" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
  );
});

it('adds amounts in the form of the first', () => {
  const sum = addAmounts(amountsOf({ memory: '64Mi', cpu: '100m' }), amountsOf({ memory: '192Mi', cpu: '1' }));

  expect(listOfAmounts(sum)).toEqual({ cpu: '1100m', memory: '256Mi' });
});
