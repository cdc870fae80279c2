import { expect, it } from 'vitest';
import { diagnose, type Evidence } from './diagnosis.ts';

const healthy: Evidence = {
  canary: 'frontend',
  target: 'frontend',
  primary: 'frontend-primary',
  namespace: 'shop',
  gateways: ['frontend'],
  hosts: ['*'],
  apexHost: 'frontend.shop',
  interval: '30s',
  providerError: undefined,
  address: 'http://prometheus:9090',
  pods: ['frontend-6d5f8-abcde'],
  podsWithoutSidecar: [],
  hasRequestSeries: false,
  samplesInInterval: 0,
  canaryRate: 0,
  primarySources: [],
};

const host = 'frontend.shop.svc.cluster.local';
const load = { workload: 'loadgenerator', namespace: 'shop', host, isGateway: false };
const ingress = { workload: 'istio-ingressgateway', namespace: 'istio-system', host, isGateway: true };
const stranger = { workload: 'unknown', namespace: 'unknown', host, isGateway: false };

it.each([
  {
    name: 'the provider is down',
    evidence: { providerError: 'connect ECONNREFUSED', podsWithoutSidecar: ['a'] },
    cause: 'provider-down',
    says: /metrics server http:\/\/prometheus:9090 does not answer \(connect ECONNREFUSED\): check/,
  },
  { name: 'no pod runs', evidence: { pods: [] }, cause: 'no-pods', says: /frontend.shop has no running pod/ },
  {
    name: 'a pod without sidecar',
    evidence: { podsWithoutSidecar: ['frontend-6d5f8-abcde'], primarySources: [load] },
    cause: 'no-sidecar',
    says: /pod frontend-6d5f8-abcde has no istio-proxy sidecar.*label namespace shop with istio-injection=enabled/,
  },
  {
    name: 'load on the in-cluster name while only a gateway is routed',
    evidence: { primarySources: [load] },
    cause: 'traffic-bypasses-canary',
    says: /through gateway mesh \(loadgenerator.shop calling frontend.shop.svc.cluster.local\), but the Canary routes only gateway frontend: send the load to that gateway \(host \*\), or add mesh/,
  },
  {
    name: 'load from outside the mesh while only a gateway is routed',
    evidence: { primarySources: [stranger] },
    cause: 'traffic-bypasses-canary',
    says: /callers without a sidecar calling/,
  },
  {
    name: 'callers without sidecar cannot be routed by the mesh either',
    evidence: { gateways: [], primarySources: [stranger] },
    cause: 'traffic-bypasses-canary',
    says: /from callers without a sidecar, whom the mesh cannot route: inject the callers/,
  },
  {
    name: 'load on the gateway while only the mesh is routed',
    evidence: { gateways: [], primarySources: [ingress] },
    cause: 'traffic-bypasses-canary',
    says: /through istio-ingressgateway.istio-system, but the Canary routes only gateway mesh: add the Gateway/,
  },
  {
    name: 'fewer than two scrapes in the interval',
    evidence: { hasRequestSeries: true, samplesInInterval: 1, primarySources: [ingress] },
    cause: 'window-too-short',
    says: /interval 30s of the metric holds fewer than two scrapes/,
  },
  {
    name: 'requests arrive, but not what the query asks for',
    evidence: { canaryRate: 2, hasRequestSeries: true, samplesInInterval: 30 },
    cause: 'series-missing',
    says: /does receive requests, but the series that the query asks for is missing in the last 30s/,
  },
  {
    name: 'nobody sends anything',
    evidence: {},
    cause: 'no-traffic',
    says: /no request reached frontend.shop or frontend-primary.shop in the last 30s: send load to gateway frontend/,
  },
  {
    name: 'nobody sends anything in the mesh',
    evidence: { gateways: ['mesh'] },
    cause: 'no-traffic',
    says: /send load to frontend.shop$/,
  },
  {
    name: 'too little load for the weight',
    evidence: { primarySources: [ingress], hasRequestSeries: true, samplesInInterval: 30 },
    cause: 'no-traffic',
    says: /requests reach frontend-primary.shop, but none reached frontend.shop.*or raise stepWeight/,
  },
] as const)('$name', ({ evidence, cause, says }) => {
  const diagnosis = diagnose({ ...healthy, ...evidence });

  expect(diagnosis.cause).toBe(cause);
  expect(diagnosis.message).toMatch(says);
});
