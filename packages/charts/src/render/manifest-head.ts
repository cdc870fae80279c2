/** The few fields of a manifest that decide its place: kind, name, annotations. */

import { printText } from '../go/fmt.ts';
import { jsonKind } from '../go/json-decode.ts';
import { GoInt } from '../go/values.ts';
import { decodeYaml, formatFloat32 } from '../yaml/decode.ts';

export interface ManifestHead {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Reads a document. The message of what is thrown is Helm's, without the file. */
export function readHead(text: string): ManifestHead {
  let value: unknown;
  try {
    value = decodeYaml(text, { keepIntegers: true, within: ['metadata', 'annotations'] });
  } catch (error) {
    throw new Error(`error converting YAML to JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const root = members(value, 'value of type releaseutil.SimpleHead');
  const metadata = members(
    find(root, 'metadata'),
    'struct field SimpleHead.metadata of type struct { Name string "json:\\"name\\""; Annotations map[string]string "json:\\"annotations\\"" }',
  );
  const annotations = members(
    find(metadata, 'annotations'),
    'struct field .metadata.annotations of type map[string]string',
  );
  return {
    apiVersion: textOf(find(root, 'apiVersion'), 'SimpleHead.apiVersion'),
    kind: textOf(find(root, 'kind'), 'SimpleHead.kind'),
    name: textOf(find(metadata, 'name'), '.metadata.name'),
    annotations: Object.fromEntries(
      [...annotations].map(([key, item]) => [key, textOf(item, '.metadata.annotations')]),
    ),
  };
}

function mismatch(value: unknown, place: string): Error {
  const kind = value instanceof GoInt ? 'number' : jsonKind(value);
  return new Error(`error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${kind} into Go ${place}`);
}

function members(value: unknown, place: string): ReadonlyMap<string, unknown> {
  if (value === null || value === undefined) return new Map();
  if (value instanceof Map) return value as ReadonlyMap<string, unknown>;
  throw mismatch(value, place);
}

/** As encoding/json finds a field: by its name, else without regard to case. */
function find(map: ReadonlyMap<string, unknown>, name: string): unknown {
  if (map.has(name)) return map.get(name);
  const lower = name.toLowerCase();
  for (const [key, value] of map) if (key.toLowerCase() === lower) return value;
  return undefined;
}

function textOf(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return formatFloat32(value);
  if (value instanceof GoInt) return printText(value);
  throw mismatch(value, `struct field ${field} of type string`);
}
