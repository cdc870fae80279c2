import { describe, expect, it } from 'vitest';
import { loadChart, render } from '@towpath/charts';
import { parseAllYaml, seededRandom, systemTime } from '@towpath/kit';
import { detect } from './detect.ts';
import { initFiles } from './files.ts';

const place = { gitUrl: 'http://git.towpath-system/local/greeter.git', branch: 'main', folders: ['src'] };
const pack = JSON.stringify({ name: 'greeter', scripts: { start: 'node server.js' } });
const httpService = { 'package.json': pack, 'server.js': "'/healthz'; listen(process.env.PORT ?? 3000)" };
const grpcService = {
  'package.json': JSON.stringify({ name: 'greeter', main: 'm.js', dependencies: { '@grpc/grpc-js': '1' } }),
  'm.js': '',
  's.proto': 'service S { rpc Get(Q) returns (R); }',
};

function written(files: Record<string, string>) {
  return initFiles(detect(new Map(Object.entries(files)), 'x'), place);
}

async function rendered(texts: ReadonlyMap<string, string>, name: string): Promise<unknown[]> {
  const prefix = `deploy/charts/${name}/`;
  const files = new Map(
    [...texts].flatMap(([path, text]) =>
      path.startsWith(prefix) ? [[path.slice(prefix.length), Buffer.from(text)] as const] : [],
    ),
  );
  const chart = await loadChart(files);
  const release = { name, namespace: 'greeter', revision: 1, isInstall: true, isUpgrade: false };
  const { files: made } = render({ chart, values: {}, release, clock: systemTime, random: seededRandom(1) });
  return [...made].flatMap(([path, text]) => parseAllYaml(text, { file: path }));
}

describe.each([
  ['http', httpService],
  ['grpc', grpcService],
])('a service of %s', (protocol, service) => {
  it('has charts that render', async () => {
    const texts = written(service);
    const objects = await rendered(texts, 'greeter');
    const template = { kind: 'MetricTemplate', metadata: { name: 'greeter-grpc-success-rate' } };
    expect(objects).toMatchObject([
      ...(protocol === 'grpc' ? [template] : []),
      { kind: 'Deployment' },
      { kind: 'Canary' },
    ]);
    expect(objects.at(-1)).toMatchObject({ spec: { service: { portName: protocol, gateways: ['mesh'] } } });
    expect(await rendered(texts, 'greeter-load')).toMatchObject([{ kind: 'Deployment' }]);
  });
});

it('judges and probes gRPC by its own status', async () => {
  const health = 'syntax = "proto3";\npackage grpc.health.v1;\nservice Health { rpc Check(Q) returns (R); }';
  const texts = written({ ...grpcService, 'health.proto': health });
  const [template, deployment, canary] = await rendered(texts, 'greeter');
  const container = { readinessProbe: { grpc: { port: 8080 } } };
  expect(deployment).toMatchObject({ spec: { template: { spec: { containers: [container] } } } });
  const metric = { name: 'grpc-success-rate', templateRef: { name: 'greeter-grpc-success-rate' } };
  expect(canary).toMatchObject({ spec: { analysis: { metrics: [metric, { name: 'request-duration' }] } } });
  const query: unknown = expect.stringContaining('{{ namespace }}');
  expect(template).toMatchObject({ spec: { query, provider: { address: 'http://prometheus.istio-system:9090' } } });
  expect(texts.get('deploy/charts/greeter-load/values.yaml')).toContain('path: /S/Get\n');
});

it('writes a Dockerfile only where there is none', () => {
  expect(written(httpService).get('Dockerfile')).toContain('"/app/server.js"');
  expect(written({ ...httpService, Dockerfile: 'FROM x' }).has('Dockerfile')).toBe(false);
});

it('builds the service for its own folders only', () => {
  const pipeline = written(httpService).get('.gitlab-ci.yml');
  expect(pipeline).toContain('        - "*"\n        - "src/**/*"\n');
  expect(pipeline).not.toContain('deploy/**');
});
