/** `.Chart`: Chart.yaml as a Go struct. Source: helm pkg/engine, pkg/chart. */

import type { ChartDependency, ChartMaintainer, ChartMetadata } from '../chart/types.ts';
import { fromPlain } from '../go/plain.ts';
import { GoObject, stringList, taggedList, TaggedMap } from '../go/values.ts';

/** A struct with fields known by Go's names and JSON's. */
class Struct extends GoObject {
  readonly type: string;
  override readonly kind: 'struct' | 'ptr';
  private readonly members: readonly Member[];

  constructor(type: string, members: readonly Member[]) {
    super();
    this.type = type;
    this.kind = type.startsWith('*') ? 'ptr' : 'struct';
    this.members = members;
  }

  override fields(): readonly (readonly [string, unknown])[] {
    return this.members.map(({ name, value }) => [name, value]);
  }

  override toJsonValue(): unknown {
    const kept = this.members.filter(({ value, keepsEmpty }) => keepsEmpty === true || !isEmptyMember(value));
    return new Map(kept.map(({ json, value }) => [json, value]));
  }
}

interface Member {
  readonly name: string;
  readonly json: string;
  readonly value: unknown;
  /** Written even when empty. */
  readonly keepsEmpty?: boolean;
}

/** What `omitempty` leaves out. */
function isEmptyMember(value: unknown): boolean {
  if (value === '' || value === false || value === null || value === undefined) return true;
  return (Array.isArray(value) && value.length === 0) || (value instanceof Map && value.size === 0);
}

function member(name: string, value: unknown, json = name.charAt(0).toLowerCase() + name.slice(1)): Member {
  return { name, json, value };
}

/** A list, nil when the file has none. */
function list(elem: string, items: unknown[] | undefined): unknown[] {
  return taggedList(items === undefined ? { elem, isNil: true } : { elem }, items ?? []);
}

function texts(items: readonly string[] | undefined): unknown[] {
  return items === undefined ? list('string', undefined) : stringList([...items]);
}

function maintainer(value: ChartMaintainer): Struct {
  return new Struct('*chart.Maintainer', [
    member('Name', value.name ?? ''),
    member('Email', value.email ?? ''),
    member('URL', value.url ?? '', 'url'),
  ]);
}

function dependency(value: ChartDependency): Struct {
  const imports = value['import-values'];
  return new Struct('*chart.Dependency', [
    { name: 'Name', json: 'name', value: value.name, keepsEmpty: true },
    member('Version', value.version ?? ''),
    { name: 'Repository', json: 'repository', value: value.repository ?? '', keepsEmpty: true },
    member('Condition', value.condition ?? ''),
    member('Tags', texts(value.tags)),
    member('Enabled', value.enabled ?? false),
    member(
      'ImportValues',
      list(
        'interface {}',
        imports?.map((item) => fromPlain(item)),
      ),
      'import-values',
    ),
    member('Alias', value.alias ?? ''),
  ]);
}

function metadataMembers(value: ChartMetadata): Member[] {
  const { annotations } = value;
  return [
    member('Name', value.name),
    member('Home', value.home ?? ''),
    member('Sources', texts(value.sources)),
    member('Version', value.version),
    member('Description', value.description ?? ''),
    member('Keywords', texts(value.keywords)),
    member('Maintainers', list('*chart.Maintainer', value.maintainers?.map(maintainer))),
    member('Icon', value.icon ?? ''),
    member('APIVersion', value.apiVersion, 'apiVersion'),
    member('Condition', value.condition ?? ''),
    member('Tags', value.tags ?? ''),
    member('AppVersion', value.appVersion ?? ''),
    member('Deprecated', value.deprecated ?? false),
    member(
      'Annotations',
      new TaggedMap(
        annotations === undefined ? { elem: 'string', isNil: true } : { elem: 'string' },
        Object.entries(annotations ?? {}),
      ),
    ),
    member('KubeVersion', value.kubeVersion ?? ''),
    member('Dependencies', list('*chart.Dependency', value.dependencies?.map(dependency))),
    member('Type', value.type ?? ''),
  ];
}

/** The struct that Helm makes for templates: the metadata embedded, and whether the chart is the root. */
export class ChartObject extends GoObject {
  readonly type = 'struct { chart.Metadata; IsRoot bool }';
  private readonly metadata: Struct;
  private readonly isRoot: boolean;
  private readonly byName: ReadonlyMap<string, unknown>;

  constructor(metadata: ChartMetadata, isRoot: boolean) {
    super();
    this.metadata = new Struct('chart.Metadata', metadataMembers(metadata));
    this.isRoot = isRoot;
    this.byName = new Map([...this.metadata.fields(), ...this.fields()]);
  }

  override fields(): readonly (readonly [string, unknown])[] {
    return [
      ['Metadata', this.metadata],
      ['IsRoot', this.isRoot],
    ];
  }

  override field(name: string): unknown {
    return this.byName.get(name);
  }

  override toJsonValue(): unknown {
    const json = this.metadata.toJsonValue();
    return new Map<string, unknown>([...(json as Map<string, unknown>), ['IsRoot', this.isRoot]]);
  }
}
