/** Who manages which field. */

import type { AnyObject } from '@towpath/api';
import type { ApiContext, Target } from '../handlers/context.ts';

export interface TrackedUpdate {
  readonly object: AnyObject;
  readonly old: AnyObject | undefined;
  readonly target: Target;
  readonly manager: string;
}

/** Sets `metadata.managedFields` after a write that is not an apply. */
export function trackUpdate(_context: ApiContext, update: TrackedUpdate): void {
  const { object, old } = update;
  if (old?.metadata.managedFields === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = old.metadata.managedFields;
}
