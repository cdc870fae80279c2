/** Which form of the answer the client asked for. */

import { StatusError } from '../http/status.ts';

/** JSON or YAML, of the object itself, of its metadata only, or as a table. */
export interface Format {
  readonly media: 'json' | 'yaml';
  readonly shape: 'object' | 'partial' | 'partialList' | 'table';
  /** apiVersion of a table or partial object. */
  readonly metaVersion: 'meta.k8s.io/v1' | 'meta.k8s.io/v1beta1';
}

const plain: Format = { media: 'json', shape: 'object', metaVersion: 'meta.k8s.io/v1' };

const shapes: Readonly<Record<string, Format['shape']>> = {
  Table: 'table',
  PartialObjectMetadata: 'partial',
  PartialObjectMetadataList: 'partialList',
};

const representations = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
const streams = ', application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';

/** One entry of an Accept header. */
export interface AcceptEntry {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The entries of an Accept header in the order given; quality values are not weighed. */
export function parseAccept(header: string | undefined): AcceptEntry[] {
  return (header ?? '').split(',').flatMap((part) => {
    const [type = '', ...parameters] = part.split(';').map((item) => item.trim());
    if (type === '') return [];
    const pairs = parameters.map((parameter) => {
      const equals = parameter.indexOf('=');
      return equals < 0 ? [parameter, ''] : [parameter.slice(0, equals), parameter.slice(equals + 1)];
    });
    return [{ type: type.toLowerCase(), parameters: Object.fromEntries(pairs) as Record<string, string> }];
  });
}

/** The first acceptable form. Protobuf is never produced. Throws 406 when nothing fits. */
export function negotiate(header: string | undefined, of: 'one' | 'many' = 'one'): Format {
  const entries = parseAccept(header);
  if (entries.length === 0) return plain;
  for (const entry of entries) {
    const format = formatOf(entry);
    if (format !== undefined) return format;
  }
  const isTransformed = entries.some(
    ({ parameters, type }) => parameters['as'] !== undefined && type.endsWith('/json'),
  );
  if (!isTransformed) throw notAcceptable(of === 'many' ? streams : '');
  const message = `only the following media types are accepted: ${representations}`;
  throw new StatusError({ code: 406, reason: 'NotAcceptable', message });
}

/** Throws 406 when only another form than the object itself would do: what is answered and not kept has no other. */
export function requirePlain(header: string | undefined): void {
  if (negotiate(header).shape !== 'object') throw notAcceptable();
}

function notAcceptable(more = ''): StatusError {
  const message = `406: Not Acceptable\n\nAvailable representations: ${representations}${more}`;
  return new StatusError({ code: 406, reason: 'NotAcceptable', message, details: {} });
}

function formatOf(entry: AcceptEntry): Format | undefined {
  const isJson = entry.type === 'application/json' || entry.type === '*/*';
  if (!isJson && entry.type !== 'application/yaml') return undefined;
  const media = isJson ? 'json' : 'yaml';
  const { as, g: group, v: version } = entry.parameters;
  if (as === undefined) return { ...plain, media };
  const shape = shapes[as];
  if (shape === undefined || group !== 'meta.k8s.io') return undefined;
  if (version !== 'v1' && version !== 'v1beta1') return undefined;
  return { media, shape, metaVersion: `meta.k8s.io/${version}` };
}
