/** Fingerprints that are the same on every machine and after every restart. */

import { createHash } from 'node:crypto';
import { isRecord } from '@towpath/kit';
import type { PodTemplate } from '@towpath/api';

/** The fingerprint of a pod template: key order, nulls and empty members do not count. */
export function templateHash(template: PodTemplate): string {
  return sha256(JSON.stringify(canonical(template))).slice(0, 12);
}

/** The fingerprint of a ConfigMap's or Secret's data. */
export function dataHash(data: unknown): string {
  return sha256(JSON.stringify(canonical(data) ?? {})).slice(0, 16);
}

/** Names a pod template together with the configs it is run with. */
export function revisionOf(templateHashText: string, configs: Readonly<Record<string, string>>): string {
  return `${templateHashText}.${dataHash(configs)}`;
}

/** The template's part of a revision's name. */
export function templateOf(revision: string): string {
  return revision.split('.')[0] ?? '';
}

/** A UUID-shaped value made of text, for annotations that real Flagger fills with random ones. */
export function idFrom(text: string): string {
  const hex = sha256(text);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Sorted keys; undefined for what is empty, so that a server's defaulting of null to absent changes nothing. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(item) ?? null);
  if (!isRecord(value)) return value === null ? undefined : value;
  const entries = Object.keys(value)
    .toSorted()
    .map((key) => [key, canonical(value[key])] as const)
    .filter(([, member]) => member !== undefined && !(Array.isArray(member) && member.length === 0));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
