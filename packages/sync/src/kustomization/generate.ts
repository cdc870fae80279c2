/**
 * The kustomization of a Kustomization object: the folder's own, or one made of all its YAML, with the fields of the
 * object's spec on top. Source: fluxcd/pkg/kustomize, kustomize_generator.go.
 */

import { posix } from 'node:path';
import type { AnyObject } from '@towpath/api';
import { isRecord, messageOf, parseYaml, stringifyYaml, TowpathError } from '@towpath/kit';
import { buildKustomization, readResources } from './build/build.ts';
import { childPath, type FileSet } from './build/files.ts';
import {
  kustomizationFileNames,
  parseKustomization,
  type KustomizationFile,
  type PatchItem,
} from './build/kustomization-file.ts';
import type { ImageEntry } from './build/transformers.ts';

/** The fields of `spec` that change what is built. */
export interface BuildSpec {
  readonly targetNamespace?: string;
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly patches?: readonly PatchItem[];
  readonly images?: readonly ImageEntry[];
  readonly components?: readonly string[];
  readonly ignoreMissingComponents?: boolean;
}

/** Builds the folder `path` of an artifact. Throws `KUSTOMIZE_INVALID`, `KUSTOMIZE_UNSUPPORTED` or `YAML_INVALID`. */
export function buildSource(files: FileSet, path: string, spec: BuildSpec): AnyObject[] {
  const folder = childPath('', path === '' ? '.' : path);
  const own = kustomizationFileNames.map((name) => childPath(folder, name)).filter((name) => files.has(name));
  const [name] = own;
  if (own.length > 1) {
    throw new TowpathError('KUSTOMIZE_INVALID', `found multiple kustomization files under: ${path}`);
  }
  const file =
    name === undefined ? generated(files, folder) : parseKustomization(new TextDecoder().decode(files.get(name)), name);
  const overlaid = withSpec(file, spec, (component) => hasFolder(files, childPath(folder, component)));
  return buildKustomization({
    files,
    path: folder,
    kustomization: { file: overlaid, name: name ?? childPath(folder, 'kustomization.yaml') },
  });
}

/** The same kustomization as text, with everything its file has: for a program that knows more fields than we do. */
export function overlaidKustomization(
  files: FileSet,
  path: string,
  spec: BuildSpec,
): { folder: string; name: string; text: string } {
  const folder = childPath('', path === '' ? '.' : path);
  const own = kustomizationFileNames.map((name) => childPath(folder, name)).find((name) => files.has(name));
  const name = own ?? childPath(folder, 'kustomization.yaml');
  const raw =
    own === undefined ? generated(files, folder) : parseYaml(new TextDecoder().decode(files.get(own)), { file: own });
  // Its members are the program's to check; ours are only added to.
  const file = withSpec(isRecord(raw) ? (raw as KustomizationFile) : {}, spec, (component) =>
    hasFolder(files, childPath(folder, component)),
  );
  const entries = Object.entries(file).filter(([, value]) => !(Array.isArray(value) && value.length === 0));
  return { folder, name, text: stringifyYaml(Object.fromEntries(entries)) };
}

/** True when a file lies below that folder. */
export function hasFolder(files: FileSet, folder: string): boolean {
  if (folder === '') return true;
  for (const file of files.keys()) if (file.startsWith(`${folder}/`)) return true;
  return false;
}

/** Every YAML file below the folder; a folder with a kustomization of its own counts as one resource. */
function generated(files: FileSet, folder: string): KustomizationFile {
  const below = [...files.keys()].filter((file) => folder === '' || file.startsWith(`${folder}/`));
  const roots = new Set(
    below
      .filter((file) => kustomizationFileNames.some((name) => posix.basename(file) === name))
      .map((file) => posix.dirname(file)),
  );
  const resources = new Set<string>();
  for (const file of below.toSorted(byWalk)) {
    const root = outermost(file, folder, roots);
    if (root !== undefined) resources.add(relative(folder, root));
    else if (/\.ya?ml$/.test(file)) {
      checkManifest(files, file);
      resources.add(relative(folder, file));
    }
  }
  return { resources: [...resources] };
}

/** The order in which a folder is walked: names of one folder before what is in the next. */
function byWalk(left: string, right: string): number {
  const [one, two] = [left.split('/'), right.split('/')];
  for (let index = 0; ; index++) {
    const [a, b] = [one[index], two[index]];
    if (a === undefined || b === undefined) return (a === undefined ? 0 : 1) - (b === undefined ? 0 : 1);
    if (a !== b) return a < b ? -1 : 1;
  }
}

function outermost(file: string, folder: string, roots: ReadonlySet<string>): string | undefined {
  const steps = relative(folder, file).split('/');
  for (let count = 1; count < steps.length; count++) {
    const candidate = childPath(folder, steps.slice(0, count).join('/'));
    if (roots.has(candidate)) return candidate;
  }
  return undefined;
}

function relative(folder: string, path: string): string {
  return folder === '' ? path : path.slice(folder.length + 1);
}

function checkManifest(files: FileSet, file: string): void {
  try {
    readResources(new TextDecoder().decode(files.get(file)), file);
  } catch (error) {
    throw new TowpathError('KUSTOMIZE_INVALID', `failed to decode Kubernetes YAML from ${file}: ${messageOf(error)}`, {
      next: 'correct the file, exclude it with .sourceignore, or name the others in a kustomization.yaml',
      cause: error,
    });
  }
}

function withSpec(file: KustomizationFile, spec: BuildSpec, exists: (path: string) => boolean): KustomizationFile {
  const { targetNamespace, namePrefix, nameSuffix } = spec;
  const components = (spec.components ?? []).filter((component) => {
    if (component.startsWith('/') || /^[a-z+]+:\/\//i.test(component)) {
      throw new TowpathError('KUSTOMIZE_INVALID', `component path '${component}' must be local and relative`);
    }
    return spec.ignoreMissingComponents !== true || exists(component);
  });
  return {
    ...file,
    ...(targetNamespace !== undefined && targetNamespace !== '' && { namespace: targetNamespace }),
    ...(namePrefix !== undefined && namePrefix !== '' && { namePrefix }),
    ...(nameSuffix !== undefined && nameSuffix !== '' && { nameSuffix }),
    patches: [...(file.patches ?? []), ...(spec.patches ?? []).map(patchOf)],
    components: [...(file.components ?? []), ...components],
    images: mergeImages(file.images ?? [], spec.images ?? []),
  };
}

/** Of a spec only the patch and its target count. */
function patchOf({ patch, target }: PatchItem): PatchItem {
  return { ...(patch !== undefined && { patch }), ...(target !== undefined && { target }) };
}

/** Tag and digest replace each other; a new name alone leaves them. */
function mergeImages(own: readonly ImageEntry[], wanted: readonly ImageEntry[]): ImageEntry[] {
  const images = own.map((image) => ({ ...image }));
  for (const image of wanted) {
    const index = images.findIndex(({ name }) => name === image.name);
    const old = images[index];
    const { newName = '', newTag = '', digest = '' } = image;
    if (old === undefined) images.push({ ...image });
    else {
      const renamed = newName === '' ? old : { ...old, newName };
      images[index] = newTag === '' && digest === '' ? renamed : { ...renamed, newTag, digest };
    }
  }
  return images;
}
