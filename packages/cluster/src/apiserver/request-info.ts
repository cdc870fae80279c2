/** What a path and a method ask for. */

/** A request for a resource; `verb` as RBAC names it. */
export interface ResourceRequest {
  readonly kind: 'resource';
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** What follows the subresource. */
  readonly rest: readonly string[];
}

/** Any other path: discovery, health, documentation. */
export interface PathRequest {
  readonly kind: 'path';
  readonly verb: string;
  readonly path: string;
  readonly segments: readonly string[];
}

const collectionVerbs: Readonly<Record<string, string>> = { GET: 'list', POST: 'create', DELETE: 'deletecollection' };
const objectVerbs: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Parses a path. Source: apiserver pkg/endpoints/request, RequestInfo. */
export function parseRequest(method: string, path: string, query: URLSearchParams): ResourceRequest | PathRequest {
  const segments = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeSegment);
  const other: PathRequest = { kind: 'path', verb: method.toLowerCase(), path, segments };
  const [root, ...rest] = segments;
  let group = '';
  let version: string | undefined;
  let tail: string[];
  if (root === 'api') [version, ...tail] = rest;
  else if (root === 'apis') {
    group = rest[0] ?? '';
    version = rest[1];
    tail = rest.slice(2);
  } else return other;
  if (version === undefined || tail[0] === undefined) return other;
  return resourceRequest({ method, query, group, version, tail });
}

function resourceRequest(parts: {
  method: string;
  query: URLSearchParams;
  group: string;
  version: string;
  tail: readonly string[];
}): ResourceRequest {
  const { group, version } = parts;
  let { tail } = parts;
  let namespace: string | undefined;
  // The old way to ask for a watch.
  const watched = tail[0] === 'watch' && tail.length > 1;
  if (watched) tail = tail.slice(1);
  const namespaceOwn = tail.length === 2 || (tail.length === 3 && (tail[2] === 'status' || tail[2] === 'finalize'));
  if (tail[0] === 'namespaces' && tail.length > 2 && !namespaceOwn) {
    namespace = tail[1];
    tail = tail.slice(2);
  }
  const [plural = '', name, subresource, ...rest] = tail;
  const ownNamespace = plural === 'namespaces' && group === '' ? name : namespace;
  return {
    kind: 'resource',
    verb: watched ? 'watch' : verbOf(parts.method, name, parts.query),
    group,
    version,
    plural,
    namespace: ownNamespace,
    name,
    subresource,
    rest,
  };
}

function verbOf(method: string, name: string | undefined, query: URLSearchParams): string {
  if (name !== undefined) return objectVerbs[method] ?? method.toLowerCase();
  const verb = collectionVerbs[method] ?? objectVerbs[method] ?? method.toLowerCase();
  return verb === 'list' && isTrueParameter(query.get('watch')) ? 'watch' : verb;
}

/** A boolean of the query: anything but `false` and `0` is true. Source: apimachinery, conversion of strings to bool. */
export function isTrueParameter(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0';
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
