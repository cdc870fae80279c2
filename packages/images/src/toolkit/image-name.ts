/** Names of image repositories as Flux reads them. Source: google/go-containerregistry, pkg/name. */

export interface ImageName {
  /** e.g. `index.docker.io`, `ghcr.io`, `127.0.0.1:5000` */
  readonly registry: string;
  /** e.g. `library/alpine` */
  readonly repository: string;
  readonly scheme: 'http' | 'https';
  /** Whether the name was written without a registry. */
  readonly isUnqualified: boolean;
}

/** A name, or Flux's sentence about what is wrong with it. */
export type ParsedImageName =
  | { readonly ok: true; readonly name: ImageName }
  | { readonly ok: false; readonly because: string };

const dockerHub = 'index.docker.io';
const repositoryForm = /^[a-z0-9_\-./]{2,255}$/;
const tagForm = /^[a-zA-Z0-9_\-.]{1,128}$/;
const plainHosts = /^localhost:|\.localhost(?::\d{1,5})?$|127\.0\.0\.1|::1/;
const privateHosts = /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)[\d.]+(?::|$)/;

/** Reads `spec.image` of an ImageRepository: no scheme, no tag. */
export function parseImageName(image: string, isInsecure: boolean): ParsedImageName {
  const scheme = image.indexOf('://');
  if (scheme >= 0) {
    const found = image.slice(0, scheme);
    return no(`image '${image}' should not include URL scheme; remove '${found}://'`);
  }
  const parts = image.split(':');
  const last = parts.at(-1) ?? '';
  const hasTag = parts.length > 1 && !last.includes('/');
  const base = hasTag ? parts.slice(0, -1).join(':') : image;
  const name = nameOf(base, isInsecure);
  if (name === undefined || (hasTag && !tagForm.test(last))) return no(`could not parse reference: ${image}`);
  const [, tag] = (image.startsWith(name.registry) ? image.slice(name.registry.length) : image).split(':');
  if (tag !== undefined) return no(`image '${image}' should not include a tag; remove ':${tag}'`);
  return { ok: true, name };
}

function no(because: string): ParsedImageName {
  return { ok: false, because };
}

function nameOf(base: string, isInsecure: boolean): ImageName | undefined {
  const slash = base.indexOf('/');
  const first = slash < 0 ? '' : base.slice(0, slash);
  const hasRegistry = /[.:]/.test(first);
  const written = hasRegistry ? base.slice(slash + 1) : base;
  if (!repositoryForm.test(written)) return undefined;
  if (hasRegistry && !URL.canParse(`http://${first}/`)) return undefined;
  const registry = !hasRegistry || first === 'docker.io' ? dockerHub : first;
  const repository = registry === dockerHub && !written.includes('/') ? `library/${written}` : written;
  const isPlain = isInsecure || plainHosts.test(registry) || privateHosts.test(registry);
  return { registry, repository, scheme: isPlain ? 'http' : 'https', isUnqualified: !hasRegistry };
}

/** With everything that is implied: `index.docker.io/library/alpine`. */
export function canonicalName({ registry, repository }: ImageName): string {
  return `${registry}/${repository}`;
}
