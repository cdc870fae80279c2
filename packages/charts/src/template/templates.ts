/** Named templates: parsed once, compiled when first used, layered by `tpl`. */

import type { FunctionRow } from '../functions/row.ts';
import { Compiler, compileWith } from './compiler.ts';
import type { Program, Registry } from './frame.ts';
import { isEmptyTree, type Tree } from './nodes.ts';
import { parseTemplate } from './parser.ts';

/** One named tree of a text and, once it ran, its program. */
interface Entry {
  readonly tree: Tree;
  program: Program | undefined;
}

/** What one text defines: itself under the source's name, and its defines. */
export type ParsedText = ReadonlyMap<string, Entry>;

/** Makes the compiler of one tree. */
export type NewCompiler = (functions: ReadonlyMap<string, FunctionRow>) => Compiler;

/** Texts passed to `tpl` are kept up to these sizes: charts call it with the same few again and again. */
const tplCacheMax = 2000;
const tplCacheTextMax = 20_000;

/** Parsed templates kept between renders of the same chart. */
export class TemplateCache {
  readonly functions: ReadonlyMap<string, FunctionRow>;
  private readonly newCompiler: NewCompiler;
  private readonly files = new WeakMap<object, Map<string, ParsedText>>();
  private readonly texts = new Map<string, ParsedText>();

  constructor(functions: ReadonlyMap<string, FunctionRow>, newCompiler: NewCompiler = (known) => new Compiler(known)) {
    this.functions = functions;
    this.newCompiler = newCompiler;
  }

  /** The templates of a file; `key` is the object that stands for its unchanging content. Throws `ParseError`. */
  file(key: object, name: string, text: () => string): ParsedText {
    const byName = this.files.get(key) ?? new Map<string, ParsedText>();
    this.files.set(key, byName);
    const known = byName.get(name);
    if (known !== undefined) return known;
    const parsed = this.parse(name, text());
    byName.set(name, parsed);
    return parsed;
  }

  /** The templates of a text given to `tpl`. Throws `ParseError`. */
  text(name: string, text: string): ParsedText {
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    const parsed = this.parse(name, text);
    if (text.length <= tplCacheTextMax) {
      if (this.texts.size >= tplCacheMax) this.texts.clear();
      this.texts.set(text, parsed);
    }
    return parsed;
  }

  private parse(name: string, text: string): ParsedText {
    const trees = parseTemplate({ name, text }, (word) => this.functions.has(word));
    return new Map([...trees].map(([key, tree]) => [key, { tree, program: undefined }]));
  }

  compile(entry: Entry): Program {
    entry.program ??= compileWith(this.newCompiler(this.functions), entry.tree);
    return entry.program;
  }
}

/** The names a template can use: its own layer, then those below. */
export class TemplateNames implements Registry {
  private readonly cache: TemplateCache;
  private readonly below: TemplateNames | undefined;
  private readonly own = new Map<string, Entry>();

  constructor(cache: TemplateCache, below?: TemplateNames) {
    this.cache = cache;
    this.below = below;
  }

  /** Adds what a text defines: a later definition replaces, an empty one never does. */
  add(parsed: ParsedText): void {
    for (const [name, entry] of parsed) {
      if (!isEmptyTree(entry.tree.root) || this.entry(name) === undefined) this.own.set(name, entry);
    }
  }

  private entry(name: string): Entry | undefined {
    return this.own.get(name) ?? this.below?.entry(name);
  }

  lookup(name: string): Program | undefined {
    const entry = this.entry(name);
    return entry === undefined ? undefined : this.cache.compile(entry);
  }

  /** A layer on top for one `tpl`. */
  layer(): TemplateNames {
    return new TemplateNames(this.cache, this);
  }

  /** Parses a `tpl` text under the name Helm gives it. */
  parse(text: string): ParsedText {
    return this.cache.text(rootName, text);
  }

  compileEntry(entry: Entry): Program {
    return this.cache.compile(entry);
  }
}

/** The name of Helm's root template: that of every `tpl` text, too. */
export const rootName = 'gotpl';
