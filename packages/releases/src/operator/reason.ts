/** Why something failed, in one sentence for a status. */

import { messageOf, TowpathError } from '@towpath/kit';

/** The message and, where there is one, the next step. */
export function reasonOf(error: unknown): string {
  const next = error instanceof TowpathError && error.next !== undefined ? `; ${error.next}` : '';
  return `${messageOf(error)}${next}`;
}
