import { expect, test } from 'vitest';
import { parseKubeletPath } from './paths.ts';

const web = { namespace: 'shop', pod: 'web-0', container: 'web' };

test.each([
  { path: '/healthz', want: { type: 'health' } },
  { path: '/pods', want: { type: 'pods' } },
  { path: '/metrics/resource', want: { type: 'resource-metrics' } },
  { path: '/containerLogs/shop/web-0/web', want: { type: 'log', ...web } },
  { path: '/exec/shop/web-0/web', want: { type: 'connect', subresource: 'exec', ...web } },
  { path: '/exec/shop/web-0/1f2e/web', want: { type: 'connect', subresource: 'exec', ...web } },
  { path: '/attach/shop/web-0/web', want: { type: 'connect', subresource: 'attach', ...web } },
  { path: '/portForward/shop/web-0', want: { type: 'connect', subresource: 'portforward', ...web, container: '' } },
  {
    path: '/portForward/shop/web-0/1f2e',
    want: { type: 'connect', subresource: 'portforward', ...web, container: '' },
  },
  { path: '/exec/shop/web-0', want: { type: 'unknown' } },
  { path: '/run/shop/web-0/web', want: { type: 'unknown' } },
  { path: '/', want: { type: 'unknown' } },
])('$path', ({ path, want }) => {
  expect(parseKubeletPath(path)).toEqual(want);
});
