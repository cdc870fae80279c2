/** YAML as Helm's templates and values read and write it. */

import { chartError } from '../errors.ts';
import { fromPlain, toPlain } from '../go/plain.ts';
import { compareStrings } from '../go/utf8.ts';
import { decodeYaml } from './decode.ts';
import { emitYaml } from './emit.ts';

export interface ToYamlOptions {
  /** `natural`, as go-yaml sorts (digits by value), or `bytes`; the first when left out. */
  readonly keyOrder?: 'natural' | 'bytes';
}

/** Writes as the template function `toYaml`: sorted keys, go-yaml's quoting, no final newline. Throws `YAML_INVALID`. */
export function toYaml(value: unknown, { keyOrder = 'natural' }: ToYamlOptions = {}): string {
  try {
    return emitYaml(fromPlain(value), keyOrder === 'bytes' ? byteOrder : undefined).replace(/\n$/, '');
  } catch (error) {
    throw chartError('YAML_INVALID', error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Reads as Helm reads values: YAML 1.1 scalars, first document only. Throws `YAML_INVALID` with go-yaml's sentence. */
export function fromYaml(text: string, options: { readonly file?: string } = {}): unknown {
  try {
    return toPlain(decodeYaml(text));
  } catch (error) {
    const where = options.file === undefined ? '' : `${options.file}: `;
    throw chartError('YAML_INVALID', where + (error instanceof Error ? error.message : String(error)), {
      cause: error,
    });
  }
}

/** By code points, which is the order of UTF-8 bytes. */
function byteOrder(map: ReadonlyMap<string, unknown>): string[] {
  return [...map.keys()].toSorted(compareStrings);
}
