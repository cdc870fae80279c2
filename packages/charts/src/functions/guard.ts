/** Keeps functions from making more than a render may write. */

import { LimitError } from '../errors.ts';
import type { Services } from './row.ts';

/** Throws when a text of `size` characters would pass the limit. */
export function guardSize(services: Services, size: number): void {
  const { textChars } = services.limits;
  if (size > textChars) throw new LimitError(`a template function makes more than ${textChars} characters at once`);
}

/** Characters that an item of a list is counted as. */
const itemSize = 32;

/** The same for lists. */
export function guardItems(services: Services, count: number): void {
  guardSize(services, count * itemSize);
}

/** They take milliseconds by themselves: the time is looked at before each. */
export const slowFunctions: ReadonlySet<string> = new Set([
  'bcrypt',
  'htpasswd',
  'derivePassword',
  'genPrivateKey',
  'genCA',
  'genCAWithKey',
  'genSelfSignedCert',
  'genSelfSignedCertWithKey',
  'genSignedCert',
  'genSignedCertWithKey',
]);
