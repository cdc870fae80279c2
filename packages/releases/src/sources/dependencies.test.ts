import { describe, expect, it } from 'vitest';
import { missingDependencies, withDependencies } from './dependencies.ts';

function files(texts: Record<string, string>): Map<string, Uint8Array> {
  return new Map(Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)]));
}

const chart = (repository: string): string =>
  `apiVersion: v2\nname: cart\nversion: 1.0.0\ndependencies:\n- name: redis\n  version: 10.2.1\n  repository: ${repository}\n`;

describe('dependencies', () => {
  it.each([
    { name: 'an archive', carried: { 'charts/redis-10.2.1.tgz': 'x' } },
    { name: 'a folder', carried: { 'charts/store/Chart.yaml': 'name: redis\nversion: 10.2.1\n' } },
  ])('finds $name', ({ carried }) => {
    expect(missingDependencies(files({ 'Chart.yaml': chart('https://x'), ...carried }))).toEqual([]);
  });

  it('fetches what is missing into charts/', async () => {
    const complete = await withDependencies(
      files({ 'Chart.yaml': chart('https://charts.example.com') }),
      async (wanted) => {
        expect(wanted).toEqual({ name: 'redis', version: '10.2.1', repository: 'https://charts.example.com' });
        return new TextEncoder().encode('archive');
      },
    );

    expect([...complete.keys()]).toEqual(['Chart.yaml', 'charts/redis-10.2.1.tgz']);
  });

  it('refuses what it cannot fetch', async () => {
    const missing = withDependencies(files({ 'Chart.yaml': chart('file://../redis') }), async () => new Uint8Array());

    await expect(missing).rejects.toThrow('found in Chart.yaml, but missing in charts/ directory: redis');
  });
});
