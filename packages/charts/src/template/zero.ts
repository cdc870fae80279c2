/** Zero values of Go types, for keys that a map does not have. */

import { GoBytes, GoInt } from '../go/values.ts';
import { nilOf } from './types.ts';

/** The zero value of a map's or list's element type. */
export function zeroOf(type: string): unknown {
  if (type === 'string') return '';
  if (type === '[]uint8') return new GoBytes(new Uint8Array());
  if (type === 'int') return new GoInt('int', 0n);
  return nilOf(type);
}
