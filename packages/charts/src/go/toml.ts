/** TOML as Helm writes it (BurntSushi/toml). */

import { FunctionError, LimitError } from '../errors.ts';
import { checkExtent } from './extent.ts';
import { formatFixed } from './strconv.ts';
import { GoTime } from './time.ts';
import { sortedKeys } from './utf8.ts';
import { GoBytes, GoInt, GoObject, isNilContainer, kindName, type GoMap } from './values.ts';

const depthMax = 1000;

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\b': '\\b',
  '\f': '\\f',
};

function quoteText(text: string): string {
  const escaped = text.replace(/["\\\u0000-\u001f\u007f]/g, (char) => {
    return escapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quoteText(key);
}

/** Encodes any value. Throws `FunctionError` with the library's sentence. */
export function encodeToml(value: unknown): string {
  checkExtent(value);
  if (value === null || value === undefined) {
    throw new FunctionError('reflect: call of reflect.Value.Type on zero Value');
  }
  const encoder = new Encoder();
  encoder.encode([], value);
  return encoder.text;
}

function isNil(value: unknown): boolean {
  return value === null || value === undefined || isNilContainer(value);
}

/** True for a list whose items are all tables; a nil item is refused. */
function isTableList(value: unknown): value is unknown[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  if (value.some(isNil)) throw new FunctionError('toml: cannot encode array with nil element');
  return value.every(isTable);
}

function isTable(value: unknown): value is GoMap | GoObject {
  return (
    value instanceof Map || (value instanceof GoObject && !(value instanceof GoTime) && value.text() === undefined)
  );
}

class Encoder {
  text = '';

  private newline(): void {
    if (this.text !== '') this.text += '\n';
  }

  encode(key: readonly string[], value: unknown): void {
    if (key.length > depthMax)
      throw new LimitError(`a value nested more than ${depthMax} levels deep cannot be written as TOML`);
    if (isNil(value)) return;
    if (isTable(value)) return this.table(key, value);
    if (isTableList(value)) return this.tableList(key, value);
    this.pair(key, value, false);
  }

  private indent(key: readonly string[]): string {
    return '  '.repeat(key.length - 1);
  }

  private pair(key: readonly string[], value: unknown, isInline: boolean): void {
    if (key.length === 0) {
      this.text += this.element(value, 0);
      return;
    }
    this.text += `${this.indent(key)}${keyText(key.at(-1) ?? '')} = ${this.element(value, key.length)}`;
    if (!isInline) this.newline();
  }

  private table(key: readonly string[], value: GoMap | GoObject): void {
    if (key.length === 1) this.newline();
    if (key.length > 0) {
      this.text += `${this.indent(key)}[${key.map(keyText).join('.')}]`;
      this.newline();
    }
    this.members(key, value);
  }

  private tableList(key: readonly string[], list: readonly unknown[]): void {
    if (key.length === 0) throw new FunctionError('toml: top-level values must be Go maps or structs');
    for (const item of list) {
      if (!isTable(item)) continue;
      this.newline();
      this.text += `${this.indent(key)}[[${key.map(keyText).join('.')}]]`;
      this.newline();
      this.members(key, item);
    }
  }

  private members(key: readonly string[], value: GoMap | GoObject): void {
    for (const [name, item] of orderedMembers(value)) this.encode([...key, name], item);
  }

  private element(value: unknown, depth: number): string {
    if (depth > depthMax)
      throw new LimitError(`a value nested more than ${depthMax} levels deep cannot be written as TOML`);
    switch (typeof value) {
      case 'string':
        return quoteText(value);
      case 'boolean':
        return String(value);
      case 'number':
        return floatText(value);
      default:
        return this.objectElement(value, depth);
    }
  }

  private objectElement(value: unknown, depth: number): string {
    if (value instanceof GoInt) return value.value.toString();
    if (Array.isArray(value)) return `[${value.map((item) => this.element(item, depth + 1)).join(', ')}]`;
    if (value instanceof GoBytes) return `[${Array.from(value.data).join(', ')}]`;
    if (value instanceof GoTime) return value.format('2006-01-02T15:04:05.999999999Z07:00');
    if (isTable(value)) {
      const pairs = orderedMembers(value)
        .filter(([, item]) => !isNil(item))
        .map(([name, item]) => `${keyText(name)} = ${this.element(item, depth + 1)}`);
      return `{${pairs.join(', ')}}`;
    }
    if (value instanceof GoObject) return quoteText(value.text() ?? '');
    throw new FunctionError(`unexpected type: ${kindName(value)}`);
  }
}

/** Plain members before tables, each sorted by name. */
function orderedMembers(value: GoMap | GoObject): [string, unknown][] {
  const map = value instanceof Map ? value : new Map(value.fields());
  const names = sortedKeys(map);
  const isSub = (name: string): boolean => {
    const item = map.get(name);
    return !isNil(item) && (isTable(item) || isTableList(item));
  };
  const direct = names.filter((name) => !isSub(name));
  return [...direct, ...names.filter(isSub)].map((name) => [name, map.get(name)]);
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const text = formatFixed(value);
  return text.includes('.') ? text : `${text}.0`;
}
