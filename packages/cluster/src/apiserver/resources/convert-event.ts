/** Events are one collection under two groups. Source: pkg/apis/events/v1/conversion.go. */

import type { AnyObject } from '@towpath/api';

/** Old name in core/v1, new name in events.k8s.io/v1. */
const renamed = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
] as const;

/** Renames the members that differ between `v1` and `events.k8s.io/v1`. */
export function convertEvent(event: AnyObject, apiVersion: string): AnyObject {
  const toCore = apiVersion === 'v1';
  const names = new Map<string, string>(renamed.map(([core, other]) => (toCore ? [other, core] : [core, other])));
  const entries = Object.entries(event).map(([name, value]) => [names.get(name) ?? name, value]);
  return { ...(Object.fromEntries(entries) as AnyObject), apiVersion };
}
