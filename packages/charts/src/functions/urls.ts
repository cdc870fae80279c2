/** URLs. Source: sprig, url.go. */

import { FunctionError } from '../errors.ts';
import { formatUrl, hostnameOf, parseUrl } from '../go/url.ts';
import { kindName, type GoMap } from '../go/values.ts';
import { nilPanic } from './lists.ts';
import { row, type FunctionRow } from './row.ts';

function parseToDict(text: string): GoMap {
  try {
    const url = parseUrl(text);
    return new Map<string, unknown>([
      ['scheme', url.scheme],
      ['host', url.host],
      ['hostname', hostnameOf(url)],
      ['path', url.path],
      ['query', url.rawQuery],
      ['opaque', url.opaque],
      ['fragment', url.fragment],
      ['userinfo', url.userinfo ?? ''],
    ]);
  } catch (error) {
    throw new FunctionError(`unable to parse url: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function textOf(dict: GoMap, key: string): string {
  if (!dict.has(key)) return '';
  const value = dict.get(key);
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) throw new FunctionError(nilPanic);
  throw new FunctionError(`unable to parse ${key} key, must be of type string, but ${kindName(value)} found`);
}

function join(dict: GoMap): string {
  const url = {
    scheme: textOf(dict, 'scheme'),
    host: textOf(dict, 'host'),
    path: textOf(dict, 'path'),
    rawQuery: textOf(dict, 'query'),
    opaque: textOf(dict, 'opaque'),
    fragment: textOf(dict, 'fragment'),
  };
  const userinfo = textOf(dict, 'userinfo');
  if (userinfo === '') return formatUrl({ ...url, userinfo: undefined });
  try {
    return formatUrl({ ...url, userinfo: parseUrl(`proto://${userinfo}@host`).userinfo });
  } catch (error) {
    throw new FunctionError(
      `unable to parse userinfo in dict: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

export const urls: readonly FunctionRow[] = [
  row({
    name: 'urlParse',
    args: ['string'],
    returns: 'map[string]interface {}',
    doc: 'The parts of a URL: scheme, userinfo, host, hostname, path, query, fragment, opaque.',
    example: ['{{ (urlParse "https://a.b:1/c?d#e").hostname }}', 'a.b'],
    run: parseToDict,
  }),
  row({
    name: 'urlJoin',
    args: ['map[string]interface {}'],
    returns: 'string',
    doc: 'A URL of its parts.',
    example: ['{{ urlJoin (dict "scheme" "http" "host" "a" "path" "/b") }}', 'http://a/b'],
    run: join,
  }),
];
