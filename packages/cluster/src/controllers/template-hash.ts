/** Stable short hashes of pod templates, in the alphabet of Kubernetes' object names. */

import type { PodTemplate } from '@towpath/api';
import { isRecord, jsonEqual } from '@towpath/kit';

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
export const podTemplateHashLabel = 'pod-template-hash';

/** At most ten characters; `collisionCount` gives another hash for the same value. */
export function templateHash(value: unknown, collisionCount = 0): string {
  const text = collisionCount === 0 ? canonical(value) : `${canonical(value)}#${collisionCount}`;
  const digits = String(fnv1a(text));
  return Array.from(digits, (digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('');
}

/** True when two templates make the same pods: the hash label and null members do not count. */
export function sameTemplate(left: PodTemplate, right: PodTemplate): boolean {
  return jsonEqual(comparable(left), comparable(right));
}

/** The template without the label a Deployment adds to it. */
export function withoutHash(template: PodTemplate): PodTemplate {
  const { [podTemplateHashLabel]: _hash, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

function comparable(template: PodTemplate): unknown {
  return withoutNulls(withoutHash(template));
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null && !isEmptyRecord(member));
  return Object.fromEntries(members.map(([key, member]) => [key, withoutNulls(member)]));
}

function isEmptyRecord(value: unknown): boolean {
  return isRecord(value) && Object.keys(value).length === 0;
}

/** JSON with sorted keys, so that the order in which members were written does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(withoutNulls(value), (_key, member: unknown) => {
    if (!isRecord(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([left], [right]) => (left < right ? -1 : 1)));
  });
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
