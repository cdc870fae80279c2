/** The newest events, each with what it means. */

import type { Event } from '@towpath/api';
import type { EventRow } from './model.ts';

/** More than a person reads. */
const shownEvents = 60;

interface Explanation {
  readonly pattern: RegExp;
  readonly text: string;
}

/** First match wins; `$1` is a group. Messages are Flagger's and the kubelet's own. */
const explanations: readonly Explanation[] = [
  {
    pattern: /^New revision detected! Scaling up/,
    text: 'A changed pod template was found. The new version starts beside the old one and gets no traffic yet.',
  },
  {
    pattern: /^New revision detected! Restarting/,
    text: 'A newer version arrived: the analysis begins again with it.',
  },
  {
    pattern: /^Starting canary analysis/,
    text: 'The new version is ready. From now on it gets a share of the traffic.',
  },
  { pattern: /canary weight (\d+)/, text: '$1 % of the traffic that the canary governs goes to the new version.' },
  {
    pattern: /no values found/,
    text: 'The metrics have nothing on the new version: nobody calls it, or the calls bypass it. The canary above names the cause.',
  },
  { pattern: /advancement success rate ([\d.]+)%/, text: 'Only $1 % of the requests to the new version succeeded.' },
  { pattern: /advancement request duration (\S+)/, text: 'The slowest hundredth of the requests took $1 or longer.' },
  { pattern: /^Halt /, text: 'A check failed: the weight stays. Too many failed checks roll the canary back.' },
  { pattern: /^Rolling back/, text: 'All traffic goes back to the old version, which has been serving all along.' },
  { pattern: /^Canary failed!/, text: 'The new version is stopped. It is tried again when its pod template changes.' },
  { pattern: /^Copying .* template spec/, text: 'The new version passed every check and becomes the primary.' },
  { pattern: /^Routing all traffic to primary/, text: 'The primary runs the new version now and gets everything.' },
  { pattern: /^Promotion completed!/, text: 'Done: the new version serves everybody.' },
  { pattern: /^Initialization done!/, text: 'The primary is in place. The next change of the pod template is judged.' },
  {
    pattern: /not ready: waiting for rollout/,
    text: 'Its pods are starting. This passes by itself unless it repeats for minutes.',
  },
  { pattern: /^Back-off restarting failed container/, text: 'The program ended by itself. Its log says why.' },
  { pattern: /^Readiness probe failed/, text: 'The program does not answer its health check and gets no traffic.' },
  {
    pattern: /^Back-off pulling image|^Failed to pull image/,
    text: 'The image is not in the registry, or its name is wrong.',
  },
  { pattern: /is not supported by the embedded/, text: 'This part of the object has no effect here.' },
];

/** Newest first. */
export function eventRows(events: readonly Event[]): EventRow[] {
  return events
    .map(eventRow)
    .toSorted((left, right) => (left.at < right.at ? 1 : left.at > right.at ? -1 : 0))
    .slice(0, shownEvents);
}

function eventRow(event: Event): EventRow {
  const { involvedObject, metadata, message = '' } = event;
  const series = event['eventTime'];
  return {
    id: metadata.uid ?? `${metadata.namespace}/${metadata.name}`,
    at: event.lastTimestamp ?? (typeof series === 'string' ? series : (metadata.creationTimestamp ?? '')),
    warning: event.type === 'Warning',
    object: `${involvedObject['kind'] ?? ''}/${involvedObject['name'] ?? ''}`,
    namespace: involvedObject['namespace'] ?? '',
    reason: event.reason ?? '',
    message,
    count: event.count ?? 1,
    explanation: explain(message),
  };
}

/** What a message means, where we know. */
export function explain(message: string): string | undefined {
  for (const { pattern, text } of explanations) {
    const match = pattern.exec(message);
    if (match !== null) return text.replace('$1', match[1] ?? '');
  }
  return undefined;
}
