/** Objects of a cluster in the middle of a canary, for tests. */

import type { AnyObject, Event, ImageRecord, Pipeline, Pod, Sync } from '@towpath/api';
import type { Sources } from '../sources.ts';

export const commit = 'f3a1c9d2b4e5061728394a5b6c7d8e9f00112233';
export const olderCommit = '00c1d2e3f405162738495a6b7c8d9e0f11223344';

/** A release as the operator leaves it. */
export function release(name: string, options: { tag?: string; status?: string; revision?: string } = {}): AnyObject {
  const { tag = 'v0.0.1', status = 'deployed', revision = olderCommit } = options;
  return {
    apiVersion: 'helm.fluxcd.io/v1',
    kind: 'HelmRelease',
    metadata: { name, namespace: 'shop', generation: 2, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { values: { image: { repository: `acme/${name}`, tag } } },
    status: {
      releaseStatus: status,
      revision,
      observedGeneration: 2,
      conditions: [
        {
          type: 'Released',
          status: status === 'deployed' ? 'True' : 'False',
          message: status === 'deployed' ? 'Helm release sync succeeded' : 'template: frontend: line 3: no value',
          lastUpdateTime: '2026-01-01T00:01:10Z',
        },
      ],
    },
  };
}

/** A canary of the frontend. */
export function canary(status: Record<string, unknown>): AnyObject {
  return {
    apiVersion: 'flagger.app/v1beta1',
    kind: 'Canary',
    metadata: { name: 'frontend', namespace: 'shop' },
    spec: {
      targetRef: { kind: 'Deployment', name: 'frontend' },
      analysis: {
        interval: '10s',
        threshold: 5,
        maxWeight: 30,
        stepWeight: 5,
        metrics: [
          { name: 'request-duration', thresholdRange: { max: 500 }, interval: '30s' },
          { name: 'request-success-rate', threshold: 99, interval: '30s' },
        ],
      },
    },
    status: { failedChecks: 0, canaryWeight: 0, ...status },
  };
}

/** A ready pod. */
export function pod(name: string, tag = 'v0.0.1', ready = true): Pod {
  const image = `acme/${name.replace('-primary', '')}:${tag}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${name}-5d9-abcde`, namespace: 'shop', labels: { app: name } },
    spec: {
      containers: [
        { name: 'server', image },
        { name: 'istio-proxy', image: 'towpath.builtin/proxyv2:0.1.0' },
      ],
    },
    status: { phase: 'Running', containerStatuses: [{ name: 'server', ready, restartCount: 0, image, imageID: '' }] },
  };
}

export function pipeline(status: NonNullable<Pipeline['status']>, id = commit): Pipeline {
  return {
    apiVersion: 'towpath.dev/v1alpha1',
    kind: 'Pipeline',
    metadata: { name: `p-${id.slice(0, 4)}`, namespace: 'towpath-system', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      repository: 'acme/shop',
      ref: 'refs/heads/master',
      commit: id,
      before: olderCommit,
      iid: 2,
      source: 'push',
    },
    status,
  };
}

export function image(repository: string, tag: string): ImageRecord {
  return {
    apiVersion: 'towpath.dev/v1alpha1',
    kind: 'Image',
    metadata: { name: repository.replace('/', '-'), namespace: 'towpath-system' },
    spec: { repository },
    status: { tags: [{ name: tag, digest: 'sha256:0', pushedAt: '2026-01-01T00:00:40Z' }] },
  };
}

export function sync(status: NonNullable<Sync['status']>): Sync {
  return {
    apiVersion: 'towpath.dev/v1alpha1',
    kind: 'Sync',
    metadata: { name: 'flux', namespace: 'flux' },
    spec: { url: 'http://git.towpath-system/acme/shop.git', branch: 'master' },
    status,
  };
}

export function event(message: string, type = 'Normal', at = '2026-01-01T00:02:00Z'): Event {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `e-${message.length}`, namespace: 'shop', uid: message },
    involvedObject: { kind: 'Canary', name: 'frontend', namespace: 'shop' },
    reason: 'Synced',
    message,
    type,
    count: 1,
    lastTimestamp: at,
  };
}

/** Nothing at all, but for what is given. */
export function sources(given: Partial<Sources> = {}): Sources {
  return {
    repositories: [],
    pipelines: [],
    images: [],
    syncs: [],
    releases: [],
    canaries: [],
    pods: [],
    events: [],
    ...given,
  };
}
