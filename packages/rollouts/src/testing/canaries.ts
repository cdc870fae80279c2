/** Canary objects for tests. */

import type { Canary, CanarySpec } from '../canary.ts';

const analysis = {
  interval: '30s',
  threshold: 5,
  maxWeight: 30,
  stepWeight: 5,
  metrics: [
    { name: 'request-duration', thresholdRange: { max: 500 }, interval: '30s' },
    { name: 'request-success-rate', thresholdRange: { min: 99 }, interval: '30s' },
  ],
};

/** The walk's canary: 30 s, threshold 5, 5 to 30 by 5, gateway `frontend` only. */
export function frontendCanary(change: Partial<CanarySpec> = {}): Canary {
  return {
    apiVersion: 'flagger.app/v1beta1',
    kind: 'Canary',
    metadata: { name: 'frontend', namespace: 'microservices-demo' },
    spec: {
      provider: 'istio',
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'frontend' },
      service: {
        port: 80,
        targetPort: 8080,
        gateways: ['frontend'],
        hosts: ['*'],
        trafficPolicy: { tls: { mode: 'DISABLE' } },
      },
      analysis,
      ...change,
    },
  };
}
