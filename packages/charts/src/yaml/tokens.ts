/** The tokens between YAML's characters and its nodes. */

import type { Mark } from './reader.ts';

export type TokenType =
  | 'stream-end'
  | 'version-directive'
  | 'tag-directive'
  | 'document-start'
  | 'document-end'
  | 'block-sequence-start'
  | 'block-mapping-start'
  | 'block-end'
  | 'flow-sequence-start'
  | 'flow-sequence-end'
  | 'flow-mapping-start'
  | 'flow-mapping-end'
  | 'block-entry'
  | 'flow-entry'
  | 'key'
  | 'value'
  | 'alias'
  | 'anchor'
  | 'tag'
  | 'scalar';

export interface Token {
  readonly type: TokenType;
  readonly start: Mark;
  /** The text of a scalar, the name of an anchor, the handle of a tag. */
  readonly value: string;
  /** The suffix of a tag, the prefix of a %TAG, the version of a %YAML. */
  readonly suffix: string;
  /** A scalar without quotes and not in a block. */
  readonly isPlain: boolean;
}

export function token(type: TokenType, start: Mark, value = '', suffix = ''): Token {
  return { type, start, value, suffix, isPlain: false };
}
