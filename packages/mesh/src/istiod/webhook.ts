/** The injection webhook: its HTTPS endpoint and the configuration that makes the API server call it. */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { MutatingWebhookConfigurations, type AnyObject, type Pod } from '@towpath/api';
import { background, isRecord, messageOf, type Logger } from '@towpath/kit';
import { isAlreadyExists, type Client } from '@towpath/runtime';
import { injectionPatch, refusal, type InjectionOptions } from './injection.ts';

const configurationName = 'istio-sidecar-injector';
/** A pod is far smaller; the API server's own limit is 3 MiB. */
const maxBodyBytes = 4 << 20;

/** Answers AdmissionReview v1 on `/inject`. */
export function injectionListener(options: InjectionOptions, log: Logger): RequestListener {
  return (request, response) => background('injection', answer(request, response, options, log), log);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: InjectionOptions,
  log: Logger,
): Promise<void> {
  if (request.method !== 'POST' || !(request.url ?? '').startsWith('/inject')) {
    response.writeHead(404).end();
    return;
  }
  try {
    const review = reviewAnswer(JSON.parse(await readBody(request)), options, log);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(review));
  } catch (error) {
    response.writeHead(400, { 'content-type': 'text/plain' }).end(messageOf(error));
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBodyBytes) throw new Error(`the review is larger than ${maxBodyBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString();
}

/** The answer to one AdmissionReview; throws when it is none. Source: Kubernetes, "Dynamic Admission Control". */
export function reviewAnswer(review: unknown, options: InjectionOptions, log: Logger): unknown {
  const request = isRecord(review) && isRecord(review['request']) ? review['request'] : undefined;
  if (request === undefined) throw new Error('the body is no AdmissionReview with a request');
  const allowed = { uid: request['uid'], allowed: true };
  const reply = (answerTo: Record<string, unknown>): unknown => {
    return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answerTo };
  };
  const pod = request['object'];
  if (!isRecord(pod) || !isRecord(pod['spec']) || !Array.isArray(pod['spec']['containers'])) return reply(allowed);
  const metadata = isRecord(pod['metadata']) ? pod['metadata'] : {};
  const subject = { ...pod, metadata: { namespace: request['namespace'], ...metadata } } as unknown as Pod;
  const because = refusal(subject);
  if (because !== undefined) {
    log.debug('no sidecar', { ns: request['namespace'], name: subject.metadata.generateName, because });
    return reply(allowed);
  }
  const patch = Buffer.from(JSON.stringify(injectionPatch(subject, options))).toString('base64');
  return reply({ ...allowed, patchType: 'JSONPatch', patch });
}

interface Selectors {
  readonly namespaceSelector: unknown;
  readonly objectSelector: unknown;
}

const injectLabel = 'sidecar.istio.io/inject';
const notFalse = { key: injectLabel, operator: 'NotIn', values: ['false'] };
const isTrue = { key: injectLabel, operator: 'In', values: ['true'] };
const noRevision = { key: 'istio.io/rev', operator: 'DoesNotExist' };
const noInjection = { key: 'istio-injection', operator: 'DoesNotExist' };

/**
 * The four ways into the mesh; `istio-injection` goes before `istio.io/rev`, and a pod's "false" before all.
 * Source: istio manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml.
 */
const webhooks: readonly (readonly [name: string, selectors: Selectors])[] = [
  [
    'rev.namespace.sidecar-injector.istio.io',
    {
      namespaceSelector: {
        matchExpressions: [{ key: 'istio.io/rev', operator: 'In', values: ['default'] }, noInjection],
      },
      objectSelector: { matchExpressions: [notFalse] },
    },
  ],
  [
    'rev.object.sidecar-injector.istio.io',
    {
      namespaceSelector: { matchExpressions: [noRevision, noInjection] },
      objectSelector: {
        matchExpressions: [notFalse, { key: 'istio.io/rev', operator: 'In', values: ['default'] }],
      },
    },
  ],
  [
    'namespace.sidecar-injector.istio.io',
    {
      namespaceSelector: { matchExpressions: [{ key: 'istio-injection', operator: 'In', values: ['enabled'] }] },
      objectSelector: { matchExpressions: [notFalse] },
    },
  ],
  [
    'object.sidecar-injector.istio.io',
    {
      namespaceSelector: { matchExpressions: [noInjection, noRevision] },
      objectSelector: { matchExpressions: [isTrue, noRevision] },
    },
  ],
];

/** The whole configuration. */
function webhookConfiguration(options: { namespace: string; caPem: string }): AnyObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: configurationName, labels: { app: 'sidecar-injector', 'istio.io/rev': 'default' } },
    webhooks: webhooks.map(([name, selectors]) => ({
      name,
      ...selectors,
      clientConfig: {
        service: { name: 'istiod', namespace: options.namespace, path: '/inject', port: 443 },
        caBundle: Buffer.from(options.caPem).toString('base64'),
      },
      rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: '*' }],
      failurePolicy: 'Fail',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      reinvocationPolicy: 'Never',
      timeoutSeconds: 10,
    })),
  };
}

/** Creates the configuration, or brings a present one to this form. */
export async function ensureWebhook(client: Client, options: { namespace: string; caPem: string }): Promise<void> {
  const wanted = webhookConfiguration(options);
  try {
    await client.create(MutatingWebhookConfigurations, wanted);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const body = { webhooks: wanted['webhooks'] };
    await client.patch(MutatingWebhookConfigurations, { name: configurationName }, body, { kind: 'merge' });
  }
}
