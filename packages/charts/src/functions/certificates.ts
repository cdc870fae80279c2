/** Keys and certificates. */

import type { FunctionRow } from './row.ts';

export const certificates: readonly FunctionRow[] = [];
