import { Secrets } from '@towpath/api';
import { startTestCluster } from '@towpath/cluster/testing';
import { FakeClock } from '@towpath/kit/testing';
import { Client } from '@towpath/runtime';
import { describe, expect, it } from 'vitest';
import { hasCode } from '../errors.ts';
import { decodeRelease, encodeRelease } from './codec.ts';
import { toHelmTime, type Release, type ReleaseStatus } from './release.ts';
import { createReleaseStorage, secretName, type ReleaseStorage } from './secrets.ts';

function buildRelease(version: number, status: ReleaseStatus, name = 'frontend'): Release {
  return {
    name,
    namespace: 'default',
    version,
    info: { first_deployed: '', last_deployed: '2026-01-01T00:00:00Z', deleted: '', status, description: 'ok' },
    chart: {
      metadata: { name: 'frontend', version: '0.21.0' },
      lock: null,
      templates: [],
      values: {},
      schema: null,
      files: [],
    },
    config: { image: { tag: 'v0.0.1' } },
    manifest: '---\n# Source: frontend/templates/x.yaml\n',
    hooks: [],
    labels: {},
  };
}

async function withStorage(run: (storage: ReleaseStorage, client: Client) => Promise<void>): Promise<void> {
  const clock = new FakeClock();
  const cluster = await startTestCluster({ clock });
  const client = new Client({ transport: cluster.transport() });
  try {
    await run(createReleaseStorage({ client, clock, namespace: 'default' }), client);
  } finally {
    await cluster.dispose();
  }
}

describe('release codec', () => {
  it('reads what it wrote, labels apart', () => {
    const release = { ...buildRelease(3, 'deployed'), labels: { team: 'shop' } };

    const read = decodeRelease(encodeRelease(release), { secret: 's', labels: { team: 'shop' } });

    expect(read).toEqual(release);
  });

  it('reads JSON that is not compressed', () => {
    const text = Buffer.from(JSON.stringify({ name: 'old', version: 2, info: { status: 'deployed' } })).toString(
      'base64',
    );

    const read = decodeRelease(text, { secret: 's', labels: {} });

    expect(read).toMatchObject({ name: 'old', version: 2, hooks: [], manifest: '', info: { status: 'deployed' } });
  });

  it('names the secret of what it cannot read', () => {
    expect(() => decodeRelease('AAAA', { secret: 'sh.helm.release.v1.x.v1', labels: {} })).toThrow(
      'the release in secret "sh.helm.release.v1.x.v1" cannot be read',
    );
  });
});

describe('toHelmTime', () => {
  it.each([
    { name: 'whole seconds', wallMs: Date.UTC(2026, 0, 2, 3, 4, 10), text: '2026-01-02T03:04:10Z' },
    { name: 'a fraction', wallMs: Date.UTC(2026, 0, 2, 3, 4, 10, 120), text: '2026-01-02T03:04:10.12Z' },
    { name: 'milliseconds', wallMs: Date.UTC(2026, 0, 2, 3, 4, 10, 5), text: '2026-01-02T03:04:10.005Z' },
  ])('writes $name', ({ wallMs, text }) => {
    expect(toHelmTime(wallMs)).toBe(text);
  });
});

describe('release storage', () => {
  it('writes the Secret that Helm 3 writes', () =>
    withStorage(async (storage, client) => {
      await storage.create({ ...buildRelease(1, 'pending-install'), labels: { team: 'shop' } }, { historyMax: 10 });

      const secret = await client.get(Secrets, { namespace: 'default', name: 'sh.helm.release.v1.frontend.v1' });
      expect(secret?.type).toBe('helm.sh/release.v1');
      expect(secret?.metadata.labels).toEqual({
        name: 'frontend',
        owner: 'helm',
        status: 'pending-install',
        version: '1',
        team: 'shop',
        createdAt: '1767225600',
      });
    }));

  it('keeps the newest revisions and the deployed one', () =>
    withStorage(async (storage) => {
      await storage.create(buildRelease(1, 'deployed'), { historyMax: 3 });
      for (const version of [2, 3, 4, 5]) await storage.create(buildRelease(version, 'failed'), { historyMax: 3 });

      const versions = (await storage.history('frontend')).map((release) => release.version);
      expect(versions).toEqual([1, 4, 5]);
      expect((await storage.deployed('frontend'))?.version).toBe(1);
      expect((await storage.last('frontend'))?.version).toBe(5);
    }));

  it('refuses a revision that exists', () =>
    withStorage(async (storage) => {
      await storage.create(buildRelease(1, 'deployed'), { historyMax: 0 });

      const again = storage.create(buildRelease(1, 'deployed'), { historyMax: 0 });
      await expect(again).rejects.toSatisfy((error) => hasCode(error, 'RELEASE_EXISTS'));
    }));

  it('passes over a Secret it cannot read', () =>
    withStorage(async (storage, client) => {
      await storage.create(buildRelease(1, 'deployed'), { historyMax: 0 });
      const secret = await client.get(Secrets, { namespace: 'default', name: secretName('frontend', 1) });
      await client.create(Secrets, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: secretName('broken', 1),
          namespace: 'default',
          labels: { ...secret?.metadata.labels, name: 'broken' },
        },
        type: 'helm.sh/release.v1',
        data: { release: 'AAAA' },
      });

      expect((await storage.list()).map((release) => release.name)).toEqual(['frontend']);
    }));
});
