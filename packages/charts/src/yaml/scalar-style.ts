/** Chooses how go-yaml v2 writes a string. Source: its encode.go and libyaml's emitter. */

import { resolve } from './resolve.ts';

export type ScalarStyle = 'plain' | 'single' | 'double' | 'literal';

// Certainly plain: no indicator, no space, no number; short words may be booleans and are looked at.
const surelyPlain = /^[a-zA-Z_/][\w./-]*$/;

/** True for texts that need no closer look. */
export function isPlainText(text: string): boolean {
  return surelyPlain.test(text) && (text.length > 5 || resolve('', text).tag === 'str');
}

const base60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

/** True when the plain text would be read as something else than a string. */
function looksOtherwise(text: string): boolean {
  return resolve('', text).tag !== 'str' || base60.test(text);
}

/** yaml.v3 quotes the old booleans, too, but nothing else that only YAML 1.1 has. */
export type YamlVersion = 'v2' | 'v3';

export interface StyledScalar {
  readonly style: ScalarStyle;
  readonly value: string;
}

/** The style of a string; keys cannot be blocks. */
export function analyzeScalar(text: string, isSimpleKey: boolean, version: YamlVersion = 'v2'): StyledScalar {
  const allowed = analyze(text, version);
  let style: ScalarStyle = text.includes('\n') ? 'literal' : looksOtherwise(text) ? 'double' : 'plain';
  if (isSimpleKey && allowed.isMultiline) style = 'double';
  if (style === 'plain' && (!allowed.plain || (text === '' && isSimpleKey))) style = 'single';
  if (style === 'single' && !allowed.single) style = 'double';
  if (style === 'literal' && (!allowed.block || isSimpleKey)) style = 'double';
  return { style, value: text };
}

interface Allowed {
  readonly plain: boolean;
  readonly single: boolean;
  readonly block: boolean;
  readonly isMultiline: boolean;
}

const breaks = /[\r\n\x85\u2028\u2029]/;
// Everything that libyaml's emitter calls printable; beyond U+FFFF nothing is.
const unprintable = /[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;
const leadingIndicator = /^[#,[\]{}&*!|>'"%@`]/;
const leadingSeparated = /^[?:-](?:[ \t]|$)/;
const innerIndicator = /:(?:[ \t]|$)|[\0 \t\r\n\x85\u2028\u2029]#/;

/** Which styles keep the text as it is. */
function analyze(text: string, version: YamlVersion): Allowed {
  if (text === '') return { plain: true, single: true, block: false, isMultiline: false };
  const isMultiline = breaks.test(text);
  const hasTab = version === 'v3' && text.includes('\t');
  const isSpecial =
    unprintable.test(hasTab ? text.replaceAll('\t', '') : text) ||
    (isMultiline && / [\r\n\x85\u2028\u2029]/.test(text));
  const breakThenSpace = isMultiline && /[\r\n\x85\u2028\u2029] /.test(text);
  const isEdgeSpaced = text.startsWith(' ') || text.endsWith(' ');
  const hasIndicator =
    leadingIndicator.test(text) ||
    leadingSeparated.test(text) ||
    innerIndicator.test(text) ||
    text.startsWith('---') ||
    text.startsWith('...');
  return {
    plain: !isMultiline && !isSpecial && !hasTab && !isEdgeSpaced && !hasIndicator,
    single: !isSpecial && !hasTab && !breakThenSpace,
    block: !isSpecial && !text.endsWith(' '),
    isMultiline,
  };
}
