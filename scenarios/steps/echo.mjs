/** Steps with the small service of diagnosis.scenario: echo, who calls it, and its Canary. */

import { check } from '../world.mjs';

export const echoSteps = [
  {
    pattern: 'echo in namespace <name>',
    run: (world, { name }) => apply(world, [namespaceOf(name), ...echo(name, {})]),
  },
  {
    pattern: 'echo in namespace <name> without sidecar',
    run: (world, { name }) => apply(world, [namespaceOf(name), ...echo(name, { 'sidecar.istio.io/inject': 'false' })]),
  },
  {
    pattern: 'echo in namespace <name> called by <url>',
    run: (world, { name, url }) =>
      apply(world, [
        namespaceOf(name),
        ...echo(name, {}),
        deployment('caller', name, {}, [{ name: 'TARGET', value: url }]),
      ]),
  },
  {
    /** The text below replaces `service` or `metrics`. */
    pattern: 'canary in namespace <name>',
    async run(world, { name }, { body }) {
      const metrics = [
        { name: 'request-duration', interval: '30s', thresholdRange: { max: 500 } },
        { name: 'request-success-rate', interval: '30s', thresholdRange: { min: 99 } },
      ];
      const spec = {
        provider: 'istio',
        targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'echo' },
        service: { port: 80, targetPort: 8080 },
        analysis: { interval: '10s', threshold: 5, maxWeight: 40, stepWeight: 20, metrics },
      };
      const own = body === undefined ? {} : parseFlow(body);
      if (own.service !== undefined) spec.service = own.service;
      if (own.metrics !== undefined) spec.analysis.metrics = own.metrics;
      await apply(world, [
        { apiVersion: 'flagger.app/v1beta1', kind: 'Canary', metadata: { name: 'echo', namespace: name }, spec },
      ]);
    },
  },
];

/** `service {json}` or `metrics [json]`, one a line. */
function parseFlow(text) {
  const entries = text
    .trim()
    .split('\n')
    .map((line) => {
      const [, key, value] = /^(service|metrics) (.+)$/.exec(line.trim()) ?? [];
      check(key !== undefined, `no part of a Canary: ${line}`);
      return [key, JSON.parse(value)];
    });
  return Object.fromEntries(entries);
}

function namespaceOf(name) {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'istio-injection': 'enabled' } } };
}

function echo(namespace, annotations) {
  const ports = [{ name: 'http', port: 80, targetPort: 8080 }];
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'echo', namespace },
    spec: { selector: { app: 'echo' }, ports },
  };
  return [service, deployment('echo', namespace, annotations, [])];
}

function deployment(name, namespace, annotations, env) {
  const labels = { app: name };
  const container = { name: 'server', image: 'acme/echo:v1', ports: [{ name: 'http', containerPort: 8080 }], env };
  const spec = {
    containers: [{ ...container, readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 2 } }],
    terminationGracePeriodSeconds: 1,
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels, annotations }, spec } },
  };
}

async function apply(world, objects) {
  const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
  const result = await world.towpath(['apply', '-f', '-'], { input });
  check(result.code === 0, 'towpath apply', result.all);
}
