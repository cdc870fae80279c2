/** Compiles schema documents: each place that is a schema once, references to wherever they lead. */

import { quote } from '../go/strconv.ts';
import { readApplicators, readAssertions, type KeywordReader } from './keywords.ts';
import { childPointer, joinUrl, locationOf, lookUp } from './pointers.ts';
import { SchemaDocument, type Resource } from './resources.ts';
import { SchemaError, type DraftVersion, type Schema } from './types.ts';

export interface CompileOptions {
  /** The content of a document that is not the first one. Throws for one that may not be read. */
  readonly load: (url: string) => unknown;
  /** Checks a place that has become a schema against its draft. Throws `SchemaError`. */
  readonly check?: (content: unknown, draft: DraftVersion, location: string) => void;
  /** Formats are checked in every draft. */
  readonly assertsFormats?: boolean;
}

/** A place where a schema stands. */
interface Place {
  readonly document: SchemaDocument;
  readonly pointer: string;
}

/** Compiles the document that `load` gives for `url`. Throws `SchemaError`. */
export function compileSchema(url: string, options: CompileOptions): Schema {
  return new Compiler(options).compile(url);
}

class Compiler {
  private readonly options: CompileOptions;
  private readonly documents = new Map<string, SchemaDocument>();
  private readonly schemas = new Map<string, Schema>();
  private readonly queue: Schema[] = [];

  constructor(options: CompileOptions) {
    this.options = options;
  }

  compile(url: string): Schema {
    const document = this.document(url);
    const root = this.schemaAt({ document, pointer: '' });
    // Grows while it is walked.
    for (const schema of this.queue) this.fill(schema);
    return root;
  }

  private document(url: string): SchemaDocument {
    const known = this.documents.get(url);
    if (known !== undefined) return known;
    const content = this.options.load(url);
    const document = new SchemaDocument(url, content, 2020);
    this.documents.set(url, document);
    this.options.check?.(content, document.resourceAt('').draft, locationOf(url, ''));
    return document;
  }

  private schemaAt({ document, pointer }: Place): Schema {
    const location = locationOf(document.url, pointer);
    const known = this.schemas.get(location);
    if (known !== undefined) return known;
    const schema = newSchema(document.url, pointer, location);
    this.schemas.set(location, schema);
    this.queue.push(schema);
    return schema;
  }

  private fill(schema: Schema): void {
    const document = this.document(schema.url);
    const found = lookUp(document.content, schema.pointer);
    if (found === undefined) throw new SchemaError(`json-pointer in ${quote(schema.location)} not found`);
    const content = found.value;
    if (!document.has(schema.pointer)) {
      document.add(schema.pointer, content);
      this.options.check?.(content, document.resourceAt(schema.pointer).draft, schema.location);
    }
    const resource = document.resourceAt(schema.pointer);
    schema.draft = resource.draft;
    schema.resource = this.schemaAt({ document, pointer: resource.pointer });
    if (schema.draft >= 2020 && schema.resource === schema) this.fillAnchors(schema, document, resource);
    if (typeof content === 'boolean') schema.always = content;
    else if (content instanceof Map)
      this.fillFrom(schema, content as ReadonlyMap<string, unknown>, { document, pointer: schema.pointer }, resource);
    noteEvaluated(schema);
  }

  private fillAnchors(schema: Schema, document: SchemaDocument, resource: Resource): void {
    for (const name of resource.dynamicAnchors) {
      const pointer = resource.anchors.get(name);
      if (pointer !== undefined) schema.dynamicAnchors.set(name, this.schemaAt({ document, pointer }));
    }
  }

  private fillFrom(schema: Schema, content: ReadonlyMap<string, unknown>, place: Place, resource: Resource): void {
    if (content.size === 0) {
      schema.always = true;
      return;
    }
    const { draft } = schema;
    const dynamicAnchor = content.get('$dynamicAnchor');
    if (draft >= 2020 && typeof dynamicAnchor === 'string') schema.dynamicAnchor = dynamicAnchor;
    if (draft >= 2019) schema.isRecursiveAnchor = content.get('$recursiveAnchor') === true;
    const reader: KeywordReader = {
      content,
      draft,
      location: schema.location,
      assertsFormats: this.options.assertsFormats === true || draft < 2019,
      child: (...tokens) =>
        this.schemaAt({ document: place.document, pointer: childPointer(place.pointer, ...tokens) }),
      reference: (text) => this.reference(text, place.document, resource),
    };
    schema.applicators = readApplicators(reader);
    schema.assertions = readAssertions(reader, draft < 2019 && schema.applicators.ref !== undefined);
  }

  private reference(text: string, document: SchemaDocument, resource: Resource): Schema {
    const { url, fragment } = joinUrl(resource.id, text);
    const pointer = document.resolve(url, fragment);
    if (pointer !== undefined) return this.schemaAt({ document, pointer });
    const other = this.document(url);
    return this.schemaAt({ document: other, pointer: other.resolve(url, fragment) ?? fragment });
  }
}

function newSchema(url: string, pointer: string, location: string): Schema {
  const parts: Omit<Schema, 'resource'> = {
    location,
    url,
    pointer,
    draft: 2020,
    isRecursiveAnchor: false,
    dynamicAnchor: '',
    dynamicAnchors: new Map(),
    always: undefined,
    assertions: {},
    applicators: {},
    allPropertiesEvaluated: false,
    allItemsEvaluated: false,
    itemsEvaluated: 0,
  };
  const schema = parts as Schema;
  schema.resource = schema;
  return schema;
}

/** What `unevaluatedItems` and `unevaluatedProperties` need not look at. */
function noteEvaluated(schema: Schema): void {
  const { additionalProperties, additionalItems, items, prefixItems } = schema.applicators;
  schema.allPropertiesEvaluated = additionalProperties !== undefined;
  schema.allItemsEvaluated = items !== undefined || additionalItems !== undefined;
  schema.itemsEvaluated = prefixItems?.length ?? 0;
}
