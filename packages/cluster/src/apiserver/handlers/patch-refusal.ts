/** Refuses strategic merge patches that do not fit the type, in the words of a real server, which names the patch. */

import { isRecord } from '@towpath/kit';
import { cause, StatusError } from '../http/status.ts';

const where = /^\S+ in version "[^"]*" cannot be handled as a \S+: (.*)$/s;
const wrongType = /^json: cannot unmarshal (\w+) into Go struct field \S+ of type (.+)$/;

/** The error of a patch for one that is about the decoded object; every other error stays. */
export function patchRefusal(error: unknown, patch: unknown): unknown {
  if (!(error instanceof StatusError) || error.status.code !== 400) return error;
  const why = where.exec(error.message)?.[1];
  if (why === undefined) return error;
  const found = cause.invalid('patch', goText(patch), converterText(why));
  return new StatusError({
    code: 422,
    reason: 'Invalid',
    message: ` "" is invalid: patch: ${found.message}`,
    details: { causes: [found] },
  });
}

/** Patches are converted from maps, whose reader has sentences of its own. Source: apimachinery, runtime/converter.go. */
function converterText(why: string): string {
  const match = wrongType.exec(why);
  if (match === null) return why;
  const [, found = '', type = ''] = match;
  const kind = { object: 'map', array: 'slice', number: 'int64' }[found] ?? found;
  if (type.startsWith('map[')) return `cannot restore map from ${kind}`;
  if (type.startsWith('[]')) return `cannot restore slice from ${kind}`;
  if (/^(?:u?int\d*|float\d+|bool|string)$/.test(type)) return `unrecognized type: ${type}`;
  return `cannot restore struct from: ${kind}`;
}

/** A value as Go's `%v` prints it. */
function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (!isRecord(value)) return String(value);
  const members = Object.keys(value)
    .toSorted()
    .map((name) => `${name}:${goText(value[name])}`);
  return `map[${members.join(' ')}]`;
}
