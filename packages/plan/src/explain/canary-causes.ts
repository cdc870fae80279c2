/** Causes in a canary's analysis: Flagger's words, and our controller's diagnosis where there is one. */

import type { AnyObject } from '@towpath/api';
import { isRecord, getIn } from '@towpath/kit';
import { maskText } from '../mask.ts';
import type { Finding, Proof } from './explanation.ts';
import { eventsOf, nameOf, nameText, numberAt, recordsAt, textAt, type Snapshot } from './snapshot.ts';

/** What a message of Flagger stands for. Source: fluxcd/flagger pkg/controller. */
const words: readonly {
  readonly pattern: RegExp;
  readonly cause: string;
  readonly sentence: string;
  readonly next: string;
}[] = [
  {
    pattern:
      /[Mm]etrics (?:server|provider|template).*(?:failed|not available|unreachable|connect)|query failed: (?!no values)|no such host|connection refused/,
    cause: 'provider-down',
    sentence: 'the metrics server does not answer',
    next: 'check that it runs and that metricsServer names it',
  },
  {
    pattern: /no values found/,
    cause: 'no-traffic',
    sentence: 'no requests reached the canary, so its metrics have no values',
    next: 'send load to the host that the canary routes',
  },
  {
    pattern: /Halt .*advancement .*(?:success rate|request duration|[<>])/,
    cause: 'threshold',
    sentence: 'a metric of the new version is outside of its threshold',
    next: 'the new version is worse: read its log, or correct the threshold',
  },
  {
    pattern: /advancement external check .* failed|hook .* failed|webhook/i,
    cause: 'webhook',
    sentence: 'a webhook does not agree',
    next: 'look at the service that the webhook calls',
  },
  {
    pattern: /waiting for rollout to finish|not ready: /,
    cause: 'not-ready-in-time',
    sentence: 'the pods of the new version are not ready',
    next: 'look at its pods',
  },
  {
    pattern: /not found|not supported|invalid/i,
    cause: 'canary-invalid',
    sentence: 'the Canary cannot be run as it is written',
    next: 'correct what the message names',
  },
];

export function canaryFindings(snapshot: Snapshot, canary: AnyObject): Finding[] {
  if (canary.kind !== 'Canary') return [];
  const phase = textAt(canary, ['status', 'phase']) ?? '';
  const failed = numberAt(canary, ['status', 'failedChecks']) ?? 0;
  if (phase !== 'Failed' && failed === 0 && phase !== 'Initializing' && phase !== '') return [];
  const told = eventsOf(snapshot, canary);
  const diagnosis = getIn(canary, ['status', 'diagnosis']);
  const event = told.find(
    ({ type, message = '' }) =>
      type === 'Warning' &&
      words.some(({ pattern }) => pattern.test(message)) &&
      !/Rolling back|Canary failed/.test(message),
  );
  const state: Proof = {
    object: nameOf(canary),
    field: 'status',
    text: `phase ${phase || '(none)'}, ${failed} failed checks, weight ${numberAt(canary, ['status', 'canaryWeight']) ?? 0}`,
  };
  const eventProof: Proof[] =
    event === undefined
      ? []
      : [{ object: nameOf(canary), field: `event ${event.reason ?? ''}`, text: maskText(event.message ?? '') }];
  if (isRecord(diagnosis) && typeof diagnosis['cause'] === 'string') {
    return [
      diagnosed(canary, {
        cause: diagnosis['cause'],
        message: String(diagnosis['message']),
        evidence: [...eventProof, state],
      }),
    ];
  }
  const said = told.find(
    ({ reason, message = '' }) => reason === 'Diagnosis' || message.startsWith('Diagnosis '),
  )?.message;
  if (said !== undefined && event !== undefined && /no values|metrics server/i.test(event.message ?? '')) {
    const message = said.replace(/^Diagnosis /, '');
    return [diagnosed(canary, { cause: causeOfDiagnosis(message), message, evidence: [...eventProof, state] })];
  }
  if (event === undefined) return [];
  const known = words.find(({ pattern }) => pattern.test(event.message ?? ''));
  if (known === undefined) return [];
  const inferred = known.cause === 'no-traffic' ? whyNoTraffic(snapshot, canary) : undefined;
  return [
    {
      cause: inferred?.cause ?? known.cause,
      stage: 'canary',
      object: nameOf(canary),
      sentence: `${nameText(nameOf(canary))}: ${inferred?.sentence ?? known.sentence}`,
      evidence: [...eventProof, ...(inferred?.evidence ?? []), state],
      next: inferred?.next ?? known.next,
      ...(known.cause === 'not-ready-in-time' && { isConsequence: true as const }),
    },
  ];
}

function diagnosed(canary: AnyObject, seen: { cause: string; message: string; evidence: Proof[] }): Finding {
  const [what = '', next] = seen.message.split(/: (?=send |inject |add |label |check |look |use )/);
  return {
    cause: seen.cause,
    stage: 'canary',
    object: nameOf(canary),
    sentence: `${nameText(nameOf(canary))}: ${what}`,
    evidence: seen.evidence,
    next: next ?? 'see the events of the canary',
  };
}

/** The sentences of our controller's diagnosis. */
function causeOfDiagnosis(message: string): string {
  if (message.startsWith('metrics server')) return 'provider-down';
  if (message.includes('sidecar, so nothing')) return 'no-sidecar';
  if (message.startsWith('traffic bypasses')) return 'traffic-bypasses-canary';
  if (message.includes('no running pod')) return 'no-pods';
  if (message.includes('series that the query')) return 'series-missing';
  if (message.includes('fewer than two scrapes')) return 'window-too-short';
  return 'no-traffic';
}

/** The real Flagger only says that there are no values: what the objects tell on top. */
function whyNoTraffic(
  snapshot: Snapshot,
  canary: AnyObject,
): Pick<Finding, 'cause' | 'sentence' | 'evidence' | 'next'> | undefined {
  const target = textAt(canary, ['spec', 'targetRef', 'name']) ?? '';
  const { namespace } = canary.metadata;
  const pods = snapshot.objects.filter(
    ({ kind, metadata }) =>
      kind === 'Pod' && metadata.namespace === namespace && metadata.name.startsWith(`${target}-`),
  );
  const bare = pods.find(
    (pod) =>
      ![...recordsAt(pod, ['spec', 'containers']), ...recordsAt(pod, ['spec', 'initContainers'])].some(
        ({ name }) => name === 'istio-proxy',
      ),
  );
  if (bare !== undefined) {
    const text = `containers ${recordsAt(bare, ['spec', 'containers'])
      .map(({ name }) => String(name))
      .join(', ')}`;
    return {
      cause: 'no-sidecar',
      sentence: `pod ${bare.metadata.name} has no istio-proxy sidecar, so nothing counts its requests`,
      evidence: [{ object: nameOf(bare), field: 'spec.containers', text }],
      next: `label namespace ${namespace ?? ''} with istio-injection=enabled and delete the pod`,
    };
  }
  const gateways = getIn(canary, ['spec', 'service', 'gateways']);
  const list = Array.isArray(gateways) ? gateways.map(String) : [];
  if (list.length === 0 || list.includes('mesh')) return undefined;
  const host = textAt(canary, ['spec', 'service', 'name']) ?? target;
  const caller = callerOf(snapshot, { host, namespace: namespace ?? '' });
  if (caller === undefined) return undefined;
  return {
    cause: 'traffic-bypasses-canary',
    sentence: `traffic bypasses the canary: ${nameText(nameOf(caller.workload))} calls ${caller.value} inside the mesh, but the Canary routes only gateway ${list.join(', ')}`,
    evidence: [{ object: nameOf(caller.workload), field: `env ${caller.key}`, text: caller.value }],
    next: 'send the load to that gateway, or add mesh to spec.service.gateways',
  };
}

function callerOf(
  { objects }: Snapshot,
  service: { host: string; namespace: string },
): { workload: AnyObject; key: string; value: string } | undefined {
  const own = new RegExp(
    `^(?:https?://)?${service.host}(?:\\.${service.namespace}(?:\\.svc(?:\\.cluster\\.local)?)?)?(?::\\d+)?(?:/|$)`,
  );
  for (const workload of objects) {
    if (workload.kind !== 'Deployment' || workload.metadata.namespace !== service.namespace) continue;
    for (const container of recordsAt(workload, ['spec', 'template', 'spec', 'containers'])) {
      for (const { name, value } of recordsAt(container, ['env'])) {
        if (typeof value === 'string' && own.test(value)) return { workload, key: String(name), value };
      }
    }
  }
  return undefined;
}
