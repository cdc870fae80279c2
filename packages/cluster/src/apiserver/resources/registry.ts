/** The resources the server offers: the built-in ones and those of CustomResourceDefinitions. */

import rows from '../data/resources.json' with { type: 'json' };
import { TypeTable } from '../schema/type-table.ts';
import { present } from '@towpath/kit';
import { metricsResources } from './metrics-resources.ts';
import type { Resource, Subresource } from './resource.ts';

/** Resources kept under another group's name. */
const sharedCollections: Readonly<Record<string, { collection: string; hub: string }>> = {
  'events.k8s.io/events': { collection: 'core/events', hub: 'v1' },
  'autoscaling/horizontalpodautoscalers': { collection: 'autoscaling/horizontalpodautoscalers', hub: 'autoscaling/v2' },
};

/** Finds resources by path and by kind; `revision` grows whenever the set changes. */
export class ResourceRegistry {
  readonly types = new TypeTable();
  readonly #builtin: readonly Resource[];
  readonly #custom = new Map<string, readonly Resource[]>();
  readonly #byPath = new Map<string, Resource>();
  #revision = 1;

  constructor() {
    this.#builtin = [...rows.map((row) => this.#builtinResource(row)), ...metricsResources];
    this.#index();
  }

  get revision(): number {
    return this.#revision;
  }

  /** Every served resource; versions of one group in order of preference. */
  all(): Resource[] {
    return [...this.#builtin, ...[...this.#custom.values()].flat()];
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  findKind(apiVersion: string, kind: string): Resource | undefined {
    return this.all().find((resource) => resource.apiVersion === apiVersion && resource.kind === kind);
  }

  /** The resource whose objects are kept in a collection, at the version they are kept in. */
  forCollection(collection: string): Resource | undefined {
    return this.all().find((resource) => resource.collection === collection && resource.apiVersion === resource.hub);
  }

  /** Sets the resources of one definition, by its name; an empty list removes them. */
  setCustom(definition: string, resources: readonly Resource[]): void {
    if (resources.length === 0) this.#custom.delete(definition);
    else this.#custom.set(definition, resources);
    this.#revision++;
    this.#index();
  }

  /** The resources of one definition. */
  customOf(definition: string): readonly Resource[] {
    return this.#custom.get(definition) ?? [];
  }

  #index(): void {
    this.#byPath.clear();
    for (const resource of this.all()) {
      this.#byPath.set(`${resource.group}/${resource.version}/${resource.plural}`, resource);
    }
  }

  #builtinResource(row: (typeof rows)[number]): Resource {
    const apiVersion = row.group === '' ? row.version : `${row.group}/${row.version}`;
    const shared = sharedCollections[`${row.group}/${row.plural}`];
    return {
      group: row.group,
      version: row.version,
      apiVersion,
      plural: row.plural,
      kind: row.kind,
      listKind: `${row.kind}List`,
      singular: row.singular,
      namespaced: row.namespaced,
      verbs: splitList(row.verbs),
      shortNames: splitList(row.shortNames),
      categories: splitList(row.categories),
      subresources: new Map(row.subresources.map((sub) => [sub[0] ?? '', subresource(sub, row)])),
      collection: shared?.collection ?? `${row.group === '' ? 'core' : row.group}/${row.plural}`,
      hub: shared?.hub ?? apiVersion,
      schema: present(this.types.forKind(row.group, row.version, row.kind), `the schema of ${row.kind}`),
    };
  }
}

function splitList(text: string): string[] {
  return text === '' ? [] : text.split(',');
}

function subresource(sub: readonly string[], row: { group: string; version: string }): Subresource {
  const [name = '', kind = '', group = '', version = '', verbs = ''] = sub;
  const own = version === '';
  return {
    name,
    kind,
    group: own ? row.group : group,
    version: own ? row.version : version,
    verbs: splitList(verbs),
  };
}
