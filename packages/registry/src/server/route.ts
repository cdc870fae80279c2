/** Which endpoint of the distribution API a request names. */

import { isDigest } from '../digest.ts';
import { isRepository, isTag } from '../reference.ts';
import { Problem } from './problem.ts';

export type Route =
  | { readonly type: 'base' }
  | { readonly type: 'catalog' }
  | { readonly type: 'tags'; readonly repository: string }
  | { readonly type: 'blob'; readonly repository: string; readonly digest: string }
  | { readonly type: 'uploads'; readonly repository: string }
  | { readonly type: 'upload'; readonly repository: string; readonly id: string }
  | { readonly type: 'manifest'; readonly repository: string; readonly reference: string }
  | { readonly type: 'referrers'; readonly repository: string; readonly digest: string };

/** Parses the path below `/v2`. Throws a {@link Problem}; undefined for a path that is none of the API. */
export function parseRoute(pathname: string): Route | undefined {
  if (pathname === '/v2' || pathname === '/v2/') return { type: 'base' };
  if (pathname === '/v2/_catalog') return { type: 'catalog' };
  const match =
    /^\/v2\/(.+)\/(tags\/list|blobs\/uploads\/?|blobs\/uploads\/([^/]+)|blobs\/([^/]+)|manifests\/([^/]+)|referrers\/([^/]+))$/.exec(
      pathname,
    );
  if (match === null) return undefined;
  const [, name = '', action = '', uploadId, blob, reference, subject] = match;
  const repository = decodeURIComponent(name);
  if (!isRepository(repository))
    throw new Problem(400, 'NAME_INVALID', `the repository name ${name.slice(0, 300)} is invalid`);
  if (action === 'tags/list') return { type: 'tags', repository };
  if (uploadId !== undefined) return { type: 'upload', repository, id: uploadId };
  if (action.startsWith('blobs/uploads')) return { type: 'uploads', repository };
  if (blob !== undefined) return { type: 'blob', repository, digest: digestParameter(blob) };
  if (subject !== undefined) return { type: 'referrers', repository, digest: digestParameter(subject) };
  return { type: 'manifest', repository, reference: referenceParameter(reference ?? '') };
}

function referenceParameter(text: string): string {
  const reference = decodeURIComponent(text);
  if (isDigest(reference) || isTag(reference)) return reference;
  if (reference.includes(':'))
    throw new Problem(400, 'DIGEST_INVALID', `the digest ${reference.slice(0, 200)} is malformed`);
  throw new Problem(400, 'TAG_INVALID', `the tag ${reference.slice(0, 200)} is malformed`);
}

/** A digest from a path or a query. */
export function digestParameter(text: string): string {
  const digest = decodeURIComponent(text);
  if (isDigest(digest)) return digest;
  throw new Problem(
    400,
    'DIGEST_INVALID',
    `the digest ${digest.slice(0, 200)} is malformed or of an unknown algorithm`,
  );
}
