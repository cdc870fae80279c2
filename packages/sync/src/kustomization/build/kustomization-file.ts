/** A kustomization.yaml as data: old spellings brought up to date, what is not supported refused by name. */

import { isRecord, parseAllYaml, TowpathError, type UnknownRecord } from '@towpath/kit';
import type { FieldSpec } from './field-specs.ts';
import type { GeneratorArguments, GeneratorOptions } from './generators.ts';
import type { Replacement } from './replacements.ts';
import type { Selector } from './select.ts';
import type { LegacyOrder } from './sort.ts';
import type { ImageEntry } from './transformers.ts';

/** In the order in which kustomize looks for them. */
export const kustomizationFileNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const;

export interface PatchItem {
  readonly patch?: string;
  readonly path?: string;
  readonly target?: Selector;
  readonly options?: { readonly allowNameChange?: boolean; readonly allowKindChange?: boolean };
}

export interface LabelItem {
  readonly pairs?: Record<string, string>;
  readonly includeSelectors?: boolean;
  readonly includeTemplates?: boolean;
  readonly fields?: readonly Partial<FieldSpec>[];
}

/** `kustomize.config.k8s.io/v1beta1` Kustomization, the fields that are supported. */
export interface KustomizationFile {
  readonly kind?: 'Kustomization' | 'Component';
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly namespace?: string;
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly labels?: readonly LabelItem[];
  readonly commonLabels?: Record<string, string>;
  readonly commonAnnotations?: Record<string, string>;
  readonly images?: readonly ImageEntry[];
  readonly replicas?: readonly { readonly name: string; readonly count: number }[];
  readonly patches?: readonly PatchItem[];
  readonly patchesStrategicMerge?: readonly string[];
  readonly patchesJson6902?: readonly PatchItem[];
  readonly configMapGenerator?: readonly GeneratorArguments[];
  readonly secretGenerator?: readonly GeneratorArguments[];
  readonly generatorOptions?: GeneratorOptions;
  readonly replacements?: readonly (Replacement & { readonly path?: string })[];
  readonly sortOptions?: { readonly order?: string; readonly legacySortOptions?: LegacyOrder };
}

type Shape = 'text' | 'texts' | 'pairs' | 'map' | 'maps';

const shapes: Readonly<Record<string, Shape>> = {
  apiVersion: 'text',
  kind: 'text',
  metadata: 'map',
  resources: 'texts',
  components: 'texts',
  namespace: 'text',
  namePrefix: 'text',
  nameSuffix: 'text',
  labels: 'maps',
  commonLabels: 'pairs',
  commonAnnotations: 'pairs',
  images: 'maps',
  replicas: 'maps',
  patches: 'maps',
  patchesStrategicMerge: 'texts',
  patchesJson6902: 'maps',
  configMapGenerator: 'maps',
  secretGenerator: 'maps',
  generatorOptions: 'map',
  replacements: 'maps',
  sortOptions: 'map',
};

/** Real fields that this build does not have, with what to do instead. */
const unsupported: Readonly<Record<string, string>> = {
  helmCharts: 'use a HelmRelease',
  helmGlobals: 'use a HelmRelease',
  helmChartInflationGenerator: 'use a HelmRelease',
  generators: 'generate into the repository, or put a kustomize program on the PATH',
  transformers: 'use patches or replacements, or put a kustomize program on the PATH',
  validators: 'leave it to the API server',
  vars: 'use replacements',
  configurations: 'use patches or replacements, or put a kustomize program on the PATH',
  crds: 'put a kustomize program on the PATH',
  openapi: 'put a kustomize program on the PATH',
  buildMetadata: 'leave it out',
};

/** Throws `KUSTOMIZE_INVALID` or `KUSTOMIZE_UNSUPPORTED`, with the file's name. */
export function parseKustomization(text: string, file: string): KustomizationFile {
  const [document = {}, ...others] = parseAllYaml(text, { file });
  if (!isRecord(document) || others.length > 0) throw invalid(file, 'is not one YAML map');
  return checkKustomization(modernised(document), file);
}

/** The same for data that was never a file. */
export function checkKustomization(document: UnknownRecord, file: string): KustomizationFile {
  for (const [name, value] of Object.entries(document)) {
    const next = unsupported[name];
    if (next !== undefined && !isNothing(value)) {
      throw new TowpathError('KUSTOMIZE_UNSUPPORTED', `${file}: ${name} is not supported; ${next}`, { next });
    }
    if (next !== undefined || isNothing(value)) continue;
    const shape = shapes[name];
    if (shape === undefined) throw invalid(file, `unknown field "${name}"`);
    if (!hasShape(value, shape)) throw invalid(file, `${name} is not ${shapeTexts[shape]}`);
  }
  const { kind = 'Kustomization', apiVersion } = document;
  if (kind !== 'Kustomization' && kind !== 'Component') {
    throw invalid(file, 'kind should be Kustomization or Component');
  }
  const version = kind === 'Component' ? 'kustomize.config.k8s.io/v1alpha1' : 'kustomize.config.k8s.io/v1beta1';
  if (apiVersion !== undefined && apiVersion !== version) {
    throw invalid(file, `apiVersion for ${kind} should be ${version}`);
  }
  const entries = Object.entries(document).filter(([, value]) => !isNothing(value));
  // Shapes were checked above; the members of entries are checked where they are used.
  return Object.fromEntries(entries) as KustomizationFile;
}

function invalid(file: string, message: string): TowpathError {
  return new TowpathError('KUSTOMIZE_INVALID', `${file}: ${message}`, { next: 'correct the file' });
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

const shapeTexts: Readonly<Record<Shape, string>> = {
  text: 'a text',
  texts: 'a list of texts',
  pairs: 'a map of texts',
  map: 'a map',
  maps: 'a list of maps',
};

function hasShape(value: unknown, shape: Shape): boolean {
  switch (shape) {
    case 'text':
      return typeof value === 'string';
    case 'texts':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
    case 'pairs':
      return isRecord(value) && Object.values(value).every((item) => typeof item === 'string');
    case 'map':
      return isRecord(value);
    case 'maps':
      return Array.isArray(value) && value.every((item) => isRecord(item));
  }
}

/** `bases` are resources, `imageTags` images. Source: kustomize api/types/fix.go. */
function modernised(document: UnknownRecord): UnknownRecord {
  const { bases, imageTags, ...rest } = document;
  const joined = (old: unknown, field: string): UnknownRecord => {
    if (!Array.isArray(old)) return {};
    const now: unknown[] = Array.isArray(rest[field]) ? rest[field] : [];
    return { [field]: [...now, ...(old as unknown[])] };
  };
  return { ...rest, ...joined(bases, 'resources'), ...joined(imageTags, 'images') };
}
