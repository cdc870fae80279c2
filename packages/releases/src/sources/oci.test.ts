import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@towpath/kit';
import { createRegistry, digestOf, RegistryClient } from '@towpath/registry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pullFromRegistry } from './oci.ts';

const archive = Buffer.from('an archive');

describe('charts in an OCI registry', () => {
  let folder: string;
  let server: Server;
  let host: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'towpath-oci-'));
    const registry = createRegistry({ dir: folder, clock: systemClock, log: silentLogger });
    server = createServer((request, response) => registry.handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  async function push(tag: string, layerType = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'): Promise<void> {
    const client = new RegistryClient({ url: `http://${host}` });
    const config = Buffer.from('{}');
    for (const bytes of [config, archive]) {
      const digest = digestOf(bytes);
      await client.pushBlob('charts/redis', {
        digest,
        sizeBytes: bytes.length,
        open: async function* () {
          yield bytes;
        },
      });
    }
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = {
      schemaVersion: 2,
      mediaType,
      config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: digestOf(config), size: config.length },
      layers: [{ mediaType: layerType, digest: digestOf(archive), size: archive.length }],
    };
    await client.pushManifest('charts/redis', tag, { mediaType, bytes: Buffer.from(JSON.stringify(manifest)) });
  }

  it('pulls a version, a range, or the newest stable one', async () => {
    for (const tag of ['1.2.0', '1.10.0', '2.0.0-rc.1', '1.3.0_build.5']) await push(tag);
    const address = `oci://${host}/charts/redis`;

    expect((await pullFromRegistry(address, '1.2.0', {})).data).toEqual(archive);
    expect((await pullFromRegistry(address, '~1.2', {})).version).toBe('1.2.0');
    expect((await pullFromRegistry(address, '', {})).version).toBe('1.10.0');
    expect((await pullFromRegistry(address, '1.3.0+build.5', {})).version).toBe('1.3.0+build.5');
  });

  it('says what is not there', async () => {
    await push('1.0.0', 'application/vnd.oci.image.layer.v1.tar');
    const address = `oci://${host}/charts/redis`;

    await expect(pullFromRegistry(address, '9.9.9', {})).rejects.toThrow(`${address}: there is no 9.9.9`);
    await expect(pullFromRegistry(address, '1.0.0', {})).rejects.toThrow(`${address}:1.0.0 holds no chart`);
    await expect(pullFromRegistry(`oci://${host}/nothing`, '', {})).rejects.toThrow('there is no stable version');
    await expect(pullFromRegistry('oci://x', '', {})).rejects.toThrow('oci://x is no chart address');
  });
});
