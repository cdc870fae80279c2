/** JSON patch. Source: RFC 6902. */

import { isRecord, jsonEqual, TowpathError } from '@towpath/kit';

/** Most operations one patch may have. */
const maxOperations = 10_000;

/** Applies the operations in order to a copy of `target`. Throws `PATCH_INVALID` and applies none when one fails. */
export function applyJsonPatch(target: unknown, operations: readonly unknown[]): unknown {
  if (operations.length > maxOperations)
    throw invalid(`the allowed maximum operations in a JSON patch is ${maxOperations}`);
  let document: unknown = structuredClone(target);
  for (const operation of operations) document = applyOne(document, operation);
  return document;
}

function invalid(message: string): TowpathError {
  return new TowpathError('PATCH_INVALID', message);
}

function applyOne(document: unknown, operation: unknown): unknown {
  if (!isRecord(operation)) throw invalid('an operation of a JSON patch is not an object');
  const { op, path, from, value } = operation;
  if (typeof path !== 'string') throw invalid('an operation of a JSON patch has no path');
  switch (op) {
    case 'add':
      return write(document, path, structuredClone(value), 'add');
    case 'replace':
      read(document, path);
      return write(document, path, structuredClone(value), 'replace');
    case 'remove':
      read(document, path);
      return remove(document, path);
    case 'test':
      if (!jsonEqual(readOrUndefined(document, path), value)) {
        throw invalid(`testing value ${path} failed: test failed`);
      }
      return document;
    case 'copy':
      return write(document, path, structuredClone(read(document, String(from))), 'add');
    case 'move': {
      const moved = read(document, String(from));
      return write(remove(document, String(from)), path, moved, 'add');
    }
    default:
      throw invalid(`unexpected kind: ${JSON.stringify(op)}`);
  }
}

/** The unescaped segments of a JSON pointer. Throws `PATCH_INVALID`. Source: RFC 6901. */
function segmentsOf(pointer: string): string[] {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) throw invalid(`the path ${JSON.stringify(pointer)} does not start with "/"`);
  return pointer
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function readOrUndefined(document: unknown, pointer: string): unknown {
  try {
    return read(document, pointer);
  } catch {
    return undefined;
  }
}

function read(document: unknown, pointer: string): unknown {
  let current = document;
  for (const segment of segmentsOf(pointer)) {
    if (Array.isArray(current)) current = current[indexOf(segment, current.length - 1, pointer)];
    else if (isRecord(current) && Object.hasOwn(current, segment)) current = current[segment];
    else throw invalid(`the path ${pointer} does not exist`);
  }
  return current;
}

function indexOf(segment: string, max: number, pointer: string): number {
  const index = /^(0|[1-9]\d*)$/.test(segment) ? Number(segment) : -1;
  if (index < 0 || index > max) throw invalid(`the path ${pointer} does not exist: index ${segment} is out of bounds`);
  return index;
}

function write(document: unknown, pointer: string, value: unknown, mode: 'add' | 'replace'): unknown {
  const segments = segmentsOf(pointer);
  const last = segments.pop();
  if (last === undefined) return value;
  const parent = read(document, pointer.slice(0, pointer.lastIndexOf('/')));
  if (Array.isArray(parent)) {
    if (mode === 'replace') parent[indexOf(last, parent.length - 1, pointer)] = value;
    else parent.splice(last === '-' ? parent.length : indexOf(last, parent.length, pointer), 0, value);
  } else if (isRecord(parent)) parent[last] = value;
  else throw invalid(`the path ${pointer} does not exist`);
  return document;
}

function remove(document: unknown, pointer: string): unknown {
  const segments = segmentsOf(pointer);
  const last = segments.pop();
  if (last === undefined) return undefined;
  const parent = read(document, pointer.slice(0, pointer.lastIndexOf('/')));
  if (Array.isArray(parent)) parent.splice(indexOf(last, parent.length - 1, pointer), 1);
  else if (isRecord(parent)) delete parent[last];
  return document;
}
