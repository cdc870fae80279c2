/** Four canaries of the real Flagger that cannot go on, each for another reason; sidecars are stand-ins of that name. */

import { image } from '../web.mjs';

const proxy = { name: 'istio-proxy', image, command: ['node', '-e', 'setInterval(() => {}, 1000)'] };

/** A container of the image, listening on 8080. */
const server = (env = {}) => ({
  name: 'web',
  image,
  env: Object.entries({ DELAY_SECONDS: '0', ...env }).map(([name, value]) => ({ name, value })),
  ports: [{ name: 'http', containerPort: 8080 }],
  readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
});

const deployment = (namespace, name, containers) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { terminationGracePeriodSeconds: 1, containers } },
  },
});

const canary = (namespace, { service = {}, spec = {} }) => ({
  apiVersion: 'flagger.app/v1beta1',
  kind: 'Canary',
  metadata: { name: 'echo', namespace },
  spec: {
    provider: 'istio',
    targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'echo' },
    service: { port: 80, targetPort: 8080, ...service },
    analysis: {
      interval: '10s',
      threshold: 30,
      maxWeight: 50,
      stepWeight: 10,
      metrics: [{ name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '30s' }],
    },
    ...spec,
  },
});

/** Each in its namespace; what `towpath explain canary/echo` has to say. */
export const canaries = [
  {
    name: 'canary without traffic',
    namespace: 'idle',
    cause: 'no-traffic',
    says: /no requests reached the canary/,
    proof: /Halt advancement no values found for istio metric request-success-rate/,
  },
  {
    name: 'canary bypassed',
    namespace: 'bypassed',
    service: { gateways: ['istio-system/entrance'], hosts: ['echo.example'] },
    caller: 'http://echo/',
    cause: 'traffic-bypasses-canary',
    says: /Deployment bypassed\/caller calls http:\/\/echo\/ inside the mesh/,
    proof: /Halt advancement no values found/,
  },
  {
    name: 'canary without sidecar',
    namespace: 'unseen',
    hasNoSidecar: true,
    cause: 'no-sidecar',
    says: /has no istio-proxy sidecar/,
    proof: /Halt advancement no values found/,
  },
  {
    name: 'metrics provider down',
    namespace: 'unmeasured',
    spec: { metricsServer: 'http://127.0.0.1:1' },
    cause: 'provider-down',
    says: /metrics server does not answer/,
    proof: /connection refused/,
  },
];

/** What one case is made of; a new `version` starts its analysis. */
export function canaryObjects({ namespace, caller, hasNoSidecar = false, ...more }, version) {
  const sidecars = hasNoSidecar ? [] : [proxy];
  return [
    deployment(namespace, 'echo', [server({ VERSION: version }), ...sidecars]),
    ...(caller === undefined ? [] : [deployment(namespace, 'caller', [server({ TARGET: caller }), ...sidecars])]),
    canary(namespace, more),
  ];
}
