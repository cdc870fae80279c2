/** The protocol, request by request, against what a real server answered. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '@towpath/kit/testing';
import { startTestCluster, type TestCluster } from '../testing/index.ts';
import { adminUser } from './transport.ts';

let cluster: TestCluster;
let clock: FakeClock;

beforeAll(async () => {
  clock = new FakeClock();
  cluster = await startTestCluster({ clock });
  for (const name of ['a', 'b', 'c']) {
    await send('POST', '/api/v1/namespaces/default/configmaps', {
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { k: 'v' } },
    });
  }
});

afterAll(() => cluster.dispose());

interface Sent {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown>;
}

async function send(
  method: string,
  url: string,
  options: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Sent> {
  const [path = '', query = ''] = url.split('?');
  const text = typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
  const response = await cluster.server.handle({
    method,
    path,
    query: new URLSearchParams(query),
    headers: { 'content-type': 'application/json', 'user-agent': 'curl/8', ...options.headers },
    body: options.body === undefined ? undefined : text,
    user: adminUser,
  });
  const body = typeof response.body === 'string' ? response.body : '';
  const isJson = response.headers['content-type']?.includes('json') === true;
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? (JSON.parse(body) as Record<string, unknown>) : { text: body },
  };
}

const maps = '/api/v1/namespaces/default/configmaps';

const failures: {
  name: string;
  request: [method: string, url: string, options?: Parameters<typeof send>[2]];
  status: number;
  reason: string;
  message: string;
}[] = [
  {
    name: 'an object that is not there',
    request: ['GET', `${maps}/nope`],
    status: 404,
    reason: 'NotFound',
    message: 'configmaps "nope" not found',
  },
  {
    name: 'a type that cannot be had',
    request: ['GET', `${maps}/a`, { headers: { accept: 'text/html' } }],
    status: 406,
    reason: 'NotAcceptable',
    message:
      '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  },
  {
    name: 'a body of an unknown type',
    request: ['POST', maps, { body: 'x', headers: { 'content-type': 'text/plain' } }],
    status: 415,
    reason: 'UnsupportedMediaType',
    message:
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  },
  {
    name: 'a patch of an unknown type',
    request: ['PATCH', `${maps}/a`, { body: '{}' }],
    status: 415,
    reason: 'UnsupportedMediaType',
    message: '415: Unsupported Media Type',
  },
  {
    name: 'an unknown field, strictly',
    request: [
      'POST',
      `${maps}?fieldValidation=Strict`,
      { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, dta: {} } },
    ],
    status: 400,
    reason: 'BadRequest',
    message: 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dta"',
  },
  {
    name: 'a wrong type',
    request: [
      'POST',
      '/api/v1/namespaces/default/pods',
      { body: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: { activeDeadlineSeconds: 'soon' } } },
    ],
    status: 400,
    reason: 'BadRequest',
    message:
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64',
  },
  {
    name: 'a namespace that does not exist',
    request: [
      'POST',
      '/api/v1/namespaces/nowhere/configmaps',
      { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } } },
    ],
    status: 404,
    reason: 'NotFound',
    message: 'namespaces "nowhere" not found',
  },
  {
    name: 'a resourceVersion of the future',
    request: ['GET', `${maps}?resourceVersion=99999999`],
    status: 504,
    reason: 'Timeout',
    message: expect.stringContaining('Timeout: Too large resource version: 99999999, current: ') as unknown as string,
  },
  {
    name: 'initial events without a match',
    request: ['GET', `${maps}?watch=1&sendInitialEvents=true`],
    status: 422,
    reason: 'Invalid',
    message:
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
  },
  {
    name: 'a verb a resource does not have',
    request: ['GET', '/apis/authentication.k8s.io/v1/tokenreviews'],
    status: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
  },
  {
    name: 'a namespace that must stay',
    request: ['DELETE', '/api/v1/namespaces/default'],
    status: 403,
    reason: 'Forbidden',
    message: 'namespaces "default" is forbidden: this namespace may not be deleted',
  },
];

describe('refusals', () => {
  it.each(failures)('of $name', async ({ request, status, reason, message }) => {
    const answer = await send(...request);

    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ kind: 'Status', status: 'Failure', reason, message, code: status });
  });

  it('of unknown paths are plain text', async () => {
    const answer = await send('GET', '/apis/nothing.io/v1/things');

    expect([answer.status, answer.body['text']]).toEqual([404, '404 page not found\n']);
  });
});

describe('answers', () => {
  it('warn of unknown fields', async () => {
    const answer = await send('POST', `${maps}?dryRun=All`, {
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, dta: {} },
    });

    expect(answer.headers['warning']).toBe('299 - "unknown field \\"dta\\""');
    expect(answer.status).toBe(201);
    expect((await send('GET', `${maps}/x`)).status).toBe(404);
  });

  it('take YAML', async () => {
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-yaml}\ndata: {a: "1"}\n';
    const answer = await send('POST', `${maps}?dryRun=All`, { body, headers: { 'content-type': 'application/yaml' } });

    expect(answer.body['data']).toEqual({ a: '1' });
  });

  it('leave kind and apiVersion out of the items of built-in lists', async () => {
    const { body } = await send('GET', maps);
    const [first] = body['items'] as Record<string, unknown>[];

    expect(body['kind']).toBe('ConfigMapList');
    expect(Object.keys(first ?? {})).toEqual(['metadata', 'data']);
  });

  it('continue a list as it was at its first page', async () => {
    const first = await send('GET', `${maps}?limit=1`);
    const metadata = first.body['metadata'] as Record<string, unknown>;
    await send('DELETE', `${maps}/c`);
    const second = await send('GET', `${maps}?limit=5&continue=${String(metadata['continue'])}`);
    const names = (second.body['items'] as { metadata: { name: string } }[]).map((item) => item.metadata.name);

    expect(metadata['remainingItemCount']).toBe(2);
    expect(names).toEqual(['b', 'c']);
    expect((second.body['metadata'] as Record<string, unknown>)['resourceVersion']).toBe(metadata['resourceVersion']);
  });

  it('end a list that was continued too late with 410 and a token for the rest', async () => {
    const first = await send('GET', `${maps}?limit=1`);
    await clock.advance(6 * 60_000);
    const late = await send(
      'GET',
      `${maps}?limit=5&continue=${String((first.body['metadata'] as Record<string, unknown>)['continue'])}`,
    );
    const next = (late.body['metadata'] as Record<string, unknown>)['continue'];

    expect([late.status, late.body['reason']]).toEqual([410, 'Expired']);
    expect((await send('GET', `${maps}?continue=${String(next)}`)).status).toBe(200);
  });

  it('are tables when that is asked', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const { body } = await send('GET', maps, { headers: { accept } });

    expect((body['columnDefinitions'] as { name: string }[]).map(({ name }) => name)).toEqual(['Name', 'Data', 'Age']);
    expect((body['rows'] as { cells: unknown[] }[])[0]?.cells).toEqual(['a', 1, '6m']);
  });

  it('are metadata only when that is asked', async () => {
    const accept =
      'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
    const { body } = await send('GET', `${maps}/a`, { headers: { accept } });

    expect(Object.keys(body)).toEqual(['kind', 'apiVersion', 'metadata']);
    expect(body['kind']).toBe('PartialObjectMetadata');
  });

  it('describe the API in one aggregated document', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const { headers, body } = await send('GET', '/apis', { headers: { accept } });
    const names = (body['items'] as { metadata: { name: string } }[]).map((item) => item.metadata.name);

    expect(headers['content-type']).toBe(accept);
    expect(names).toContain('apps');
  });

  it('document each group for kubectl', async () => {
    const index = await send('GET', '/openapi/v3');
    const { serverRelativeURL } = (index.body['paths'] as Record<string, { serverRelativeURL: string }>)[
      'apis/apps/v1'
    ] ?? { serverRelativeURL: '' };
    const document = await send('GET', serverRelativeURL);
    const path = (document.body['paths'] as Record<string, Record<string, unknown>>)[
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}'
    ];

    expect(document.headers['cache-control']).toContain('immutable');
    expect(JSON.stringify(path?.['patch'])).toContain('application/strategic-merge-patch+json');
  });
});

describe('watches', () => {
  async function lines(
    url: string,
    count: number,
  ): Promise<{ type: string; object: { code?: number; metadata: { name?: string; annotations?: object } } }[]> {
    const [path = '', query = ''] = url.split('?');
    const response = await cluster.server.handle({
      method: 'GET',
      path,
      query: new URLSearchParams(query),
      headers: {},
      user: adminUser,
    });
    const found = [];
    for await (const line of response.body as AsyncIterable<string>) {
      found.push(JSON.parse(line) as Awaited<ReturnType<typeof lines>>[number]);
      if (found.length === count) break;
    }
    return found;
  }

  it('send the state first and mark its end', async () => {
    const events = await lines(
      `${maps}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
      3,
    );

    expect(events.map(({ type, object }) => [type, object.metadata.name])).toEqual([
      ['ADDED', 'a'],
      ['ADDED', 'b'],
      ['BOOKMARK', undefined],
    ]);
    expect(events[2]?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });

  it('of one object see nothing else', async () => {
    const events = await lines(`${maps}?watch=1&fieldSelector=metadata.name%3Db&allowWatchBookmarks=true`, 2);

    expect(events.map(({ type, object }) => [type, object.metadata.name])).toEqual([
      ['ADDED', 'b'],
      ['BOOKMARK', undefined],
    ]);
  });
});
