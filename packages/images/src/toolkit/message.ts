/** The message of a commit: a Go template over what was changed. Source: image-automation-controller, internal/source. */

import { goLibrary } from '@towpath/charts';
import { ImageFailure } from './errors.ts';
import type { Change, ObjectId } from './setters.ts';

export interface MessageInput {
  readonly template: string | undefined;
  readonly automation: { readonly namespace: string; readonly name: string };
  readonly changes: readonly Change[];
  readonly values: Readonly<Record<string, string>> | undefined;
  readonly monotonicMs: () => number;
}

const defaultTemplate = 'Update from image update automation';
const removed = [
  {
    says: "can't evaluate field Updated in type source.TemplateData",
    field: '.Updated',
    instead: "Please use '.Changed' instead.",
  },
  {
    says: "can't evaluate field ImageResult in type update.Result",
    field: '.Changed.ImageResult',
    instead: "Please use '.Changed.FileChanges' or '.Changed.Objects' instead.",
  },
] as const;
const reference = 'See: https://fluxcd.io/flux/components/image/imageupdateautomations/#message-template';

/** Throws `ImageFailure`. */
export function commitMessage({ template, automation, changes, values, monotonicMs }: MessageInput): string {
  const data = new Struct('source.TemplateData', [
    ['AutomationObject', new NamespacedName(automation)],
    ['Changed', changedResult(changes)],
    // Not a map of texts: what is missing is `<no value>`.
    ['Values', new Map(Object.entries(values ?? {}))],
  ]);
  const text = template === undefined || template === '' ? defaultTemplate : template;
  try {
    return goLibrary.renderText({ name: 'commit message', text, data, monotonicMs });
  } catch (error) {
    if (!(error instanceof goLibrary.TextTemplateError)) throw error;
    const { message } = error;
    const gone = removed.find(({ says }) => message.includes(says));
    if (gone !== undefined) {
      const because = `template uses removed '${gone.field}' field. ${gone.instead} ${reference}`;
      throw new ImageFailure('RemovedTemplateField', because, { isStalled: true, cause: error });
    }
    const what =
      error.stage === 'parse'
        ? 'unable to create commit message template from spec'
        : 'failed to run template from spec';
    throw new ImageFailure('GitOperationFailed', `failed to update source: ${what}: ${message}`, { cause: error });
  }
}

/** A Go struct whose embedded fields can be read by their own names. */
class Struct extends goLibrary.GoObject {
  readonly type: string;
  readonly #fields: readonly (readonly [string, unknown])[];
  readonly #promoted: ReadonlyMap<string, unknown>;
  readonly #methods: Readonly<Record<string, goLibrary.GoMethod>>;

  constructor(
    type: string,
    fields: readonly (readonly [string, unknown])[],
    more: { promoted?: Record<string, unknown>; methods?: Record<string, goLibrary.GoMethod> } = {},
  ) {
    super();
    this.type = type;
    this.#fields = fields;
    this.#promoted = new Map(Object.entries(more.promoted ?? {}));
    this.#methods = more.methods ?? {};
  }

  override fields(): readonly (readonly [string, unknown])[] {
    return this.#fields;
  }

  override field(name: string): unknown {
    return super.field(name) ?? this.#promoted.get(name);
  }

  override method(name: string): goLibrary.GoMethod | undefined {
    return Object.hasOwn(this.#methods, name) ? this.#methods[name] : undefined;
  }
}

class NamespacedName extends Struct {
  readonly #text: string;

  constructor({ namespace, name }: { namespace: string; name: string }) {
    super('types.NamespacedName', [
      ['Namespace', namespace],
      ['Name', name],
    ]);
    this.#text = `${namespace}/${name}`;
  }

  override text(): string {
    return this.#text;
  }
}

function changedResult(changes: readonly Change[]): Struct {
  const files = grouped(changes, ({ file }) => file);
  const fileChanges = new goLibrary.TaggedMap(
    { type: 'map[string]update.ObjectChanges', elem: 'update.ObjectChanges' },
    [...files].map(([file, own]) => [file, objectChanges(own)] as const),
  );
  return new Struct('update.Result', [['FileChanges', fileChanges]], {
    methods: {
      Changes: { args: [], run: () => changeList(withoutRepeats(changes)) },
      Objects: { args: [], run: () => objectChanges(changes) },
    },
  });
}

/** A map whose keys are structs. */
function objectChanges(changes: readonly Change[]): unknown {
  const byObject = grouped(changes, ({ object }) => keyOf(object));
  const ids = new Map(changes.map(({ object }) => [keyOf(object), object]));
  const tag = {
    type: 'update.ObjectChanges',
    elem: '[]update.Change',
    keyOf: (key: string) => identifier(ids.get(key)),
  };
  return new goLibrary.TaggedMap(
    tag,
    [...byObject].map(([key, own]) => [key, changeList(own)] as const),
  );
}

/** Sorts as Go sorts the structs: member by member. */
function keyOf({ apiVersion, kind, name, namespace }: ObjectId): string {
  return [apiVersion, kind, name, namespace].join('\0');
}

function identifier(object: ObjectId | undefined): Struct {
  const { apiVersion = '', kind = '', name = '', namespace = '' } = object ?? {};
  const typeMeta = new Struct('yaml.TypeMeta', [
    ['APIVersion', apiVersion],
    ['Kind', kind],
  ]);
  const nameMeta = new Struct('yaml.NameMeta', [
    ['Name', name],
    ['Namespace', namespace],
  ]);
  const members = { APIVersion: apiVersion, Kind: kind, Name: name, Namespace: namespace };
  const inner = new Struct(
    'yaml.ResourceIdentifier',
    [
      ['TypeMeta', typeMeta],
      ['NameMeta', nameMeta],
    ],
    { promoted: members },
  );
  return new Struct('update.ObjectIdentifier', [['ResourceIdentifier', inner]], {
    promoted: { TypeMeta: typeMeta, NameMeta: nameMeta, ...members },
  });
}

function grouped(
  changes: readonly Change[],
  keyOfChange: (change: Change) => string,
): ReadonlyMap<string, readonly Change[]> {
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const key = keyOfChange(change);
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  return groups;
}

function changeList(changes: readonly Change[]): unknown {
  const items = changes.map(
    ({ oldValue, newValue, setter }) =>
      new Struct('update.Change', [
        ['OldValue', oldValue],
        ['NewValue', newValue],
        ['Setter', setter],
      ]),
  );
  return goLibrary.taggedList({ type: '[]update.Change', elem: 'update.Change' }, items);
}

function withoutRepeats(changes: readonly Change[]): readonly Change[] {
  const known = new Map<string, Change>();
  for (const change of changes) {
    const key = [change.oldValue, change.newValue, change.setter].join('\0');
    if (!known.has(key)) known.set(key, change);
  }
  return [...known.values()];
}
