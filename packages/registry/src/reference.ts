/** Image names: `[host[:port]/]repository[:tag][@digest]`. */

import { isDigest } from './digest.ts';
import { registryError } from './errors.ts';

export interface ImageReference {
  /** Host with port, or undefined for a name without one (the embedded registry first, then Docker Hub). */
  readonly host: string | undefined;
  /** e.g. acme/frontend */
  readonly repository: string;
  /** Absent when only a digest is given; defaults to `latest` otherwise. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const repositoryForm = new RegExp(`^${component}(?:/${component})*$`);
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/** Source: OCI distribution specification, "Pulling manifests". */
export function isRepository(name: string): boolean {
  return name.length <= 255 && repositoryForm.test(name);
}

/** True for a well-formed tag. */
export function isTag(tag: string): boolean {
  return tagForm.test(tag);
}

/** Throws `IMAGE_REFERENCE_INVALID`. Source: distribution/reference, "familiar names". */
export function parseImageReference(text: string): ImageReference {
  const [named = '', digest, more] = text.split('@');
  if (more !== undefined || (digest !== undefined && !isDigest(digest))) throw invalid(text, 'its digest is malformed');
  const slash = named.indexOf('/');
  const first = slash < 0 ? '' : named.slice(0, slash);
  const hasHost = first === 'localhost' || /[.:]/.test(first);
  const host = hasHost ? first : undefined;
  const rest = hasHost ? named.slice(slash + 1) : named;
  const colon = rest.lastIndexOf(':');
  const repository = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (!isRepository(repository)) throw invalid(text, 'its repository must be lower case, such as acme/frontend');
  if (tag !== undefined && !isTag(tag)) throw invalid(text, 'its tag is malformed');
  if (host !== undefined && !/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(:\d{1,5})?$/.test(host))
    throw invalid(text, 'its host is malformed');
  return { host, repository, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
}

/** The text of a reference. */
export function formatImageReference(reference: ImageReference): string {
  const { host, repository, tag, digest } = reference;
  const name = host === undefined ? repository : `${host}/${repository}`;
  return `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function invalid(text: string, because: string): Error {
  return registryError(
    'IMAGE_REFERENCE_INVALID',
    `the image name ${JSON.stringify(text.slice(0, 300))} is invalid: ${because}`,
    {
      next: 'write it as NAME:TAG, HOST/NAME:TAG or NAME@sha256:…',
    },
  );
}
