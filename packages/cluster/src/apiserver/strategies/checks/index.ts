/** Validations by collection that go beyond those of the strategies. */

import type { AnyObject } from '@towpath/api';
import type { StatusCause } from '../../http/status.ts';
import { networkChecks } from './network.ts';
import { otherChecks } from './others.ts';
import type { Check } from './rules.ts';
import { workloadChecks } from './workloads.ts';

const checks: Readonly<Record<string, Check>> = { ...workloadChecks, ...networkChecks, ...otherChecks };

/** The causes for which an object of a collection is refused; `old` is its state before an update. */
export function checkObject(collection: string, object: AnyObject, old: AnyObject | undefined): StatusCause[] {
  return checks[collection]?.(object, old) ?? [];
}
