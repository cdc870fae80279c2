import type { Pod } from '@towpath/api';
import { silentLogger } from '@towpath/kit';
import { describe, expect, it } from 'vitest';
import { injectionPatch, refusal } from './injection.ts';
import { reviewAnswer } from './webhook.ts';

const options = { hub: 'towpath.builtin', version: '0.1.0' };

function newPod(
  overrides: { labels?: Record<string, string>; annotations?: Record<string, string>; spec?: object } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: undefined as unknown as string,
      generateName: 'frontend-6d4cf56db6-',
      namespace: 'shop',
      labels: { app: 'frontend', 'pod-template-hash': '6d4cf56db6', ...overrides.labels },
      ...(overrides.annotations && { annotations: overrides.annotations }),
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'frontend-6d4cf56db6', uid: 'r', controller: true },
      ],
    },
    spec: { containers: [{ name: 'server', image: 'acme/frontend:v0.0.2' }], ...overrides.spec },
  };
}

describe('the patch', () => {
  it('adds the containers, annotations and labels of a sidecar', async () => {
    const patch = injectionPatch(newPod(), options);

    await expect(`${JSON.stringify(patch, null, 2)}\n`).toMatchFileSnapshot('testdata/injection.json');
  });

  it('leaves what the pod says, except where its metrics are', () => {
    const pod = newPod({
      annotations: { 'prometheus.io/port': '8080', 'kubectl.kubernetes.io/default-container': 'other' },
      labels: { version: 'v3' },
      spec: { initContainers: [{ name: 'wait' }] },
    });

    const patch = injectionPatch(pod, options);

    const paths = patch.map(({ path }) => path);
    expect(paths).toContain('/spec/initContainers/-');
    expect(paths).toContain('/metadata/annotations/prometheus.io~1port');
    expect(paths).not.toContain('/metadata/annotations/kubectl.kubernetes.io~1default-container');
    expect(patch.find(({ path }) => path.endsWith('canonical-revision'))?.value).toBe('v3');
  });
});

describe('metrics of the program', () => {
  it('are found by the sidecar where the pod announced them', () => {
    const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' };
    const patch = injectionPatch(newPod({ annotations }), options);
    const proxy = patch.find(({ path }) => path === '/spec/containers/-')?.value as {
      env: { name: string; value?: string }[];
    };

    expect(proxy.env.find(({ name }) => name === 'ISTIO_PROMETHEUS_ANNOTATIONS')?.value).toBe(
      '{"scrape":"true","path":"/metrics","port":"8080"}',
    );
  });

  it('are not asked for, nor the sidecar, where the pod says no', () => {
    const patch = injectionPatch(newPod({ annotations: { 'prometheus.io/scrape': 'false' } }), options);

    expect(patch.map(({ path }) => path).filter((path) => path.includes('prometheus'))).toEqual([]);
  });
});

describe('who gets a sidecar', () => {
  it.each([
    { name: 'an ordinary pod', pod: newPod(), refused: false },
    { name: 'label false', pod: newPod({ labels: { 'sidecar.istio.io/inject': 'false' } }), refused: true },
    { name: 'annotation false', pod: newPod({ annotations: { 'sidecar.istio.io/inject': 'false' } }), refused: true },
    { name: 'label true', pod: newPod({ labels: { 'sidecar.istio.io/inject': 'true' } }), refused: false },
    { name: 'the host network', pod: newPod({ spec: { hostNetwork: true } }), refused: true },
    {
      name: 'a pod that has one',
      pod: newPod({ spec: { containers: [{ name: 'server' }, { name: 'istio-proxy' }] } }),
      refused: true,
    },
  ])('$name', ({ pod, refused }) => {
    expect(refusal(pod) !== undefined).toBe(refused);
  });
});

describe('the review', () => {
  const review = (object: unknown) => ({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: 'u-1', namespace: 'shop', object },
  });

  it('is answered with a base64 JSON patch', () => {
    const answer = reviewAnswer(review(newPod()), options, silentLogger) as { response: Record<string, unknown> };

    expect(answer.response).toMatchObject({ uid: 'u-1', allowed: true, patchType: 'JSONPatch' });
    expect(JSON.parse(Buffer.from(String(answer.response['patch']), 'base64').toString())).toBeInstanceOf(Array);
  });

  it('allows what it does not patch', () => {
    const pod = newPod({ labels: { 'sidecar.istio.io/inject': 'false' } });

    expect(reviewAnswer(review(pod), options, silentLogger)).toMatchObject({ response: { uid: 'u-1', allowed: true } });
    expect(reviewAnswer(review({ spec: 1 }), options, silentLogger)).toMatchObject({ response: { allowed: true } });
  });

  it('refuses a body that is none', () => {
    expect(() => reviewAnswer({}, options, silentLogger)).toThrow('the body is no AdmissionReview with a request');
  });
});
