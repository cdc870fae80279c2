/** The data folder: ports that are kept, one owner at a time, and folders of a newer version. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataDir } from './data-dir.ts';

const options = { version: '1.0.0' };

let path: string;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'towpath-data-'));
});

afterEach(() => rm(path, { recursive: true, force: true }));

function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen({ host: '127.0.0.1', port }, () => resolve(server)));
}

async function contents(): Promise<Record<string, string>> {
  const entries: [string, string][] = [];
  for (const name of (await readdir(path)).toSorted()) entries.push([name, await readFile(join(path, name), 'utf8')]);
  return Object.fromEntries(entries);
}

describe('ports', () => {
  it('are free ones at first and the same ones at the next start', async () => {
    const first = await openDataDir(path, options);
    const [http, gateway] = [await first.port('http'), await first.port('gateway')];
    await first.dispose();

    const second = await openDataDir(path, options);

    expect([first.isNew, second.isNew]).toEqual([true, false]);
    expect(http).not.toBe(gateway);
    expect([await second.port('http'), await second.port('gateway')]).toEqual([http, gateway]);
    await second.dispose();
  });

  it('are the wanted ones, which are stored', async () => {
    const probe = await openDataDir(path, options);
    const wanted = await probe.port('other');

    expect(await probe.port('http', wanted)).toBe(wanted);
    expect(JSON.parse(await readFile(join(path, 'ports.json'), 'utf8'))).toEqual({ other: wanted, http: wanted });
    await probe.dispose();
  });

  it('that are taken are refused with their name and the next step', async () => {
    const data = await openDataDir(path, options);
    const port = await data.port('http');
    const other = await listen(port);

    const refused = data.port('http');

    await expect(refused).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: expect.stringContaining(`port ${port} for http`),
      next: expect.stringContaining('ports.json'),
    });
    await new Promise((resolve) => other.close(resolve));
    await data.dispose();
  });
});

describe('the lock', () => {
  let child: ChildProcess | undefined;

  afterEach(() => child?.kill('SIGKILL'));

  it('keeps a second Towpath out and is given back', async () => {
    const first = await openDataDir(path, options);

    await expect(openDataDir(path, options)).rejects.toMatchObject({
      code: 'DATA_LOCKED',
      message: expect.stringContaining(`process ${process.pid}`),
    });
    await first.dispose();
    const next = await openDataDir(path, options);

    expect(next.isNew).toBe(false);
    await next.dispose();
  });

  const stale = [
    { name: 'of a process that is gone', lock: async () => '2147483646 1\n' },
    { name: 'that is empty', lock: async () => '' },
    { name: 'that is no number', lock: async () => 'hello\n' },
    ...(process.platform === 'linux'
      ? [
          {
            name: 'whose process id was given to another program',
            lock: async () => {
              child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: 'pipe' });
              return `${child.pid} 1\n`;
            },
          },
        ]
      : []),
  ];

  it.each(stale)('$name is stale', async ({ lock }) => {
    await writeFile(join(path, 'lock'), await lock());

    const data = await openDataDir(path, options);

    expect(await readFile(join(path, 'lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    await data.dispose();
  });
});

describe('the layout', () => {
  const newer = [
    { name: 'a newer version', text: '{"layout":2,"version":"9.9.9"}', says: 'Towpath 9.9.9' },
    { name: 'something unreadable', text: 'x', says: 'Towpath unknown' },
  ];

  it.each(newer)('of $name is left untouched', async ({ text, says }) => {
    await writeFile(join(path, 'towpath.json'), text);
    await writeFile(join(path, 'ports.json'), '{"http":1234}');
    const before = await contents();

    const opened = openDataDir(path, options);

    await expect(opened).rejects.toMatchObject({ code: 'DATA_NEWER', message: expect.stringContaining(says) });
    expect(await contents()).toEqual(before);
  });

  it('cannot be made below a file', async () => {
    await writeFile(join(path, 'file'), '');

    await expect(openDataDir(join(path, 'file', 'data'), options)).rejects.toMatchObject({ code: 'DATA_UNUSABLE' });
  });

  it('has folders that are made when they are asked for', async () => {
    const data = await openDataDir(path, options);
    const folder = await data.folder('store');

    await mkdir(join(folder, 'x'));

    expect(folder).toBe(join(path, 'store'));
    await data.dispose();
  });
});
