/** Admission webhooks over real TLS, reached through the dialer. */

import { createServer, type Server } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { ConfigMaps, MutatingWebhookConfigurations, Namespaces, type AnyObject, type Dialer } from '@towpath/api';
import { systemClock } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, signCertificate } from '../serving/certificates.ts';
import { startTestCluster, type TestCluster } from '../../testing/index.ts';

let cluster: TestCluster;
let client: Client;
let server: Server;
let answer: (request: AnyObject) => unknown = () => ({ allowed: true });
const dialled: string[] = [];

beforeAll(async () => {
  const authority = await createAuthority(systemClock);
  const certificate = await signCertificate(
    authority,
    { subject: 'CN=hook', usage: 'server', dnsNames: ['hook.default.svc'] },
    systemClock,
  );
  server = createServer({ cert: certificate.certificate, key: certificate.key }, (request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const review = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { request: AnyObject & { uid: string } };
      const body = {
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid: review.request.uid, ...(answer(review.request) as object) },
      };
      response.end(JSON.stringify(body));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const dialer: Dialer = {
    async dial(target) {
      dialled.push(`${target.host}:${target.port}`);
      return connect(port, '127.0.0.1');
    },
  };
  cluster = await startTestCluster({ dialer });
  client = new Client({ transport: cluster.transport() });
  const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] };
  await client.create(MutatingWebhookConfigurations, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'hook' },
    webhooks: [
      {
        name: 'hook.towpath.dev',
        clientConfig: {
          service: { namespace: 'default', name: 'hook', path: '/inject' },
          caBundle: Buffer.from(authority.certificate).toString('base64'),
        },
        rules: [rule],
        namespaceSelector: { matchLabels: { inject: 'yes' } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  });
  await client.create(Namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'meshed', labels: { inject: 'yes' } },
  });
});

afterAll(async () => {
  await cluster.dispose();
  server.close();
});

function configMap(namespace: string, name: string): Parameters<typeof client.create<AnyObject>>[1] {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { a: '1' } };
}

describe('mutating webhooks', () => {
  it('change the object of the namespaces they are for', async () => {
    const patch = [{ op: 'add', path: '/data/injected', value: 'true' }];
    answer = () => ({
      allowed: true,
      patchType: 'JSONPatch',
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
    });
    const changed = await client.create(ConfigMaps as never, configMap('meshed', 'a'));
    const other = await client.create(ConfigMaps as never, configMap('default', 'a'));

    expect((changed as AnyObject)['data']).toEqual({ a: '1', injected: 'true' });
    expect((other as AnyObject)['data']).toEqual({ a: '1' });
    expect(dialled).toEqual(['hook.default.svc:443']);
  });

  it('refuse with their own words', async () => {
    answer = () => ({ allowed: false, status: { message: 'not on Fridays' } });

    await expect(client.create(ConfigMaps as never, configMap('meshed', 'b'))).rejects.toMatchObject({
      status: 403,
      message: 'admission webhook "hook.towpath.dev" denied the request: not on Fridays',
    });
  });

  it('that do not answer sensibly fail the request', async () => {
    answer = () => {
      server.closeAllConnections();
      return {};
    };

    await expect(client.create(ConfigMaps as never, configMap('meshed', 'c'))).rejects.toThrow(
      'failed calling webhook "hook.towpath.dev"',
    );
  });
});
