import { createHash } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchIndex, pullFromRepository } from './http-repository.ts';
import { httpGet } from './http.ts';
import { chooseVersion, parseIndex } from './repository-index.ts';

const archive = Buffer.from('an archive');
const digest = createHash('sha256').update(archive).digest('hex');

function indexText(urls: readonly string[], sum = digest): string {
  return [
    'apiVersion: v1',
    'entries:',
    '  redis:',
    ...['10.2.1', '11.0.0-rc.1', '10.10.0'].flatMap((version) => [
      `  - name: redis`,
      `    version: ${version}`,
      `    appVersion: 5.0.7`,
      `    description: a store`,
      `    digest: ${sum}`,
      `    urls: [${urls.join(', ')}]`,
    ]),
    '',
  ].join('\n');
}

describe('chart repository over HTTP', () => {
  const servers: Server[] = [];

  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  });

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('chooses the newest stable version, or what the range asks for', () => {
    const index = parseIndex(indexText(['redis.tgz']), 'test');

    expect(chooseVersion(index, { name: 'redis', version: '' }).version).toBe('10.10.0');
    expect(chooseVersion(index, { name: 'redis', version: '~10.2' }).version).toBe('10.2.1');
    expect(chooseVersion(index, { name: 'redis', version: '11.0.0-rc.1' }).version).toBe('11.0.0-rc.1');
    expect(() => chooseVersion(index, { name: 'redis', version: '12' })).toThrow('no chart version found for redis-12');
    expect(() => chooseVersion(index, { name: 'mysql', version: '' })).toThrow(
      'chart "mysql" is not in the repository',
    );
  });

  it.each([
    { name: 'nothing', text: '' },
    { name: 'a page', text: '<html></html>' },
    { name: 'no version', text: 'entries: {}' },
  ])('refuses an index that is $name', ({ text }) => {
    expect(() => parseIndex(text, 'http://x')).toThrow('http://x: ');
  });

  it('fetches an archive by an address relative to the repository', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/charts/index.yaml') response.end(indexText(['files/redis.tgz']));
      else if (request.url === '/charts/files/redis.tgz') response.end(archive);
      else response.writeHead(404).end();
    });
    const repository = { url: `${url}/charts`, http: {} };

    const index = await fetchIndex(httpGet, repository);
    const pulled = await pullFromRepository(httpGet, repository, { index, name: 'redis', version: '10.2.1' });

    expect(pulled.data).toEqual(archive);
    expect(pulled.entry.version).toBe('10.2.1');
  });

  it('refuses an archive that is not the one of the index', async () => {
    const url = await serve((request, response) => {
      response.end(request.url === '/index.yaml' ? indexText(['redis.tgz'], 'f'.repeat(64)) : archive);
    });
    const repository = { url, http: {} };
    const index = await fetchIndex(httpGet, repository);

    await expect(pullFromRepository(httpGet, repository, { index, name: 'redis', version: '' })).rejects.toThrow(
      `the archive has digest ${digest}, the index says ${'f'.repeat(64)}`,
    );
  });

  it('shows its credentials to the repository only', async () => {
    const seen: (string | undefined)[] = [];
    const elsewhere = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end(archive);
    });
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url === '/index.yaml') response.end(indexText([`${elsewhere}/redis.tgz`]));
      else response.writeHead(302, { location: `${elsewhere}/stolen` }).end();
    });
    const http = { username: 'user', password: 'secret' };
    const repository = { url, http };

    const index = await fetchIndex(httpGet, repository);
    await pullFromRepository(httpGet, repository, { index, name: 'redis', version: '' });
    await httpGet(`${url}/moved`, http);

    const basic = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    expect(seen).toEqual([basic, undefined, basic, undefined]);
  });

  it('names the address that does not answer, without its password', async () => {
    const url = await serve((_request, response) => response.writeHead(500).end());
    const secret = url.replace('http://', 'http://user:secret@');

    await expect(httpGet(`${secret}/index.yaml`, {})).rejects.toThrow(`failed to fetch ${url}/index.yaml : 500`);
  });
});
