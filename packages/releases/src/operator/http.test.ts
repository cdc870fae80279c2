import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { HelmRelease } from './helm-release.ts';
import { createOperatorHttp } from './http.ts';

const release: HelmRelease = {
  apiVersion: 'helm.fluxcd.io/v1',
  kind: 'HelmRelease',
  metadata: { name: 'frontend', namespace: 'shop' },
  spec: { releaseName: 'frontend' },
  status: {
    conditions: [
      { type: 'Released', status: 'True' },
      { type: 'Deployed', status: 'Unknown' },
    ],
  },
};

describe('operator http', () => {
  it('answers health, metrics and the request to look at Git', async () => {
    let asked = 0;
    const server = createOperatorHttp({ releases: () => [release], syncGit: () => void asked++ });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

    const metrics = await (await fetch(`${base}/metrics`)).text();
    const synced = await fetch(`${base}/api/v1/sync-git`, { method: 'POST' });

    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    expect((await fetch(`${base}/nothing`)).status).toBe(404);
    expect([synced.status, asked]).toEqual([200, 1]);
    expect(metrics).toContain('flux_helm_operator_release_count 1\n');
    expect(metrics).toContain(
      'flux_helm_operator_release_condition_info{target_namespace="shop",release_name="frontend",condition="Released"} 1\n',
    );
    server.closeAllConnections();
    server.close();
  });
});
