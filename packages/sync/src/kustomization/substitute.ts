/**
 * Variables in built objects, as Flux substitutes them: `${v}`, `${v:=default}`, `${v:pos:len}`, `${v/a/b}`, `$${v}`.
 * Source: fluxcd/pkg/envsubst and kustomize_varsub.go, whose behaviour (its departures from bash too) this repeats.
 */

import { parseApiVersion, type AnyObject } from '@towpath/api';
import { isRecord, messageOf, parseYaml, stringifyYaml, TowpathError } from '@towpath/kit';

const annotation = 'kustomize.toolkit.fluxcd.io/substitute';
const variableName = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
/** How deep defaults may hold further variables. */
const maxDepth = 32;

/** Throws `POST_BUILD_FAILED`, naming the object; objects with the annotation `substitute: disabled` stay as they are. */
export function substituteObject(object: AnyObject, variables: ReadonlyMap<string, string>): AnyObject {
  const { labels, annotations, name } = object.metadata;
  if (labels?.[annotation] === 'disabled' || annotations?.[annotation] === 'disabled') return object;
  const text = stringifyYaml(object);
  if (!text.includes('$')) return object;
  try {
    const result = parseYaml(substituteText(text, variables), { file: `${object.kind}/${name}` });
    if (isRecord(result) && isRecord(result['metadata'])) return result as unknown as AnyObject;
    throw new Error('the result is no object');
  } catch (error) {
    const { group, version } = parseApiVersion(object.apiVersion);
    const type = [object.kind, version, group === '' ? '[noGrp]' : group].join('.');
    const message = `post build failed for '${type}/${name}': envsubst error: ${messageOf(error)}`;
    throw new TowpathError('POST_BUILD_FAILED', message, {
      next: 'set the variable in postBuild.substitute, or give it a default: ${name:=value}',
      cause: error,
    });
  }
}

/** Throws an Error in the words of Flux for a variable that is not set, and for an expression that is none. */
export function substituteText(text: string, variables: ReadonlyMap<string, string>): string {
  for (const name of variables.keys()) {
    if (variableName.test(name)) continue;
    throw new Error(`'${name}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'`);
  }
  try {
    const scan = new Scanner(text, variables);
    return scan.all();
  } catch (error) {
    throw new Error(`variable substitution failed: ${messageOf(error)}`, { cause: error });
  }
}

class Scanner {
  readonly #text: string;
  readonly #variables: ReadonlyMap<string, string>;
  #at = 0;
  #depth = 0;

  constructor(text: string, variables: ReadonlyMap<string, string>) {
    this.#text = text;
    this.#variables = variables;
  }

  all(): string {
    let result = '';
    while (this.#at < this.#text.length) {
      const next = this.#text.indexOf('$', this.#at);
      if (next < 0) break;
      result += this.#text.slice(this.#at, next);
      this.#at = next;
      if (this.#isAt('${')) result += this.#expression();
      else {
        result += '$';
        this.#at += this.#isAt('$$') ? 2 : 1;
      }
    }
    return result + this.#text.slice(this.#at);
  }

  #isAt(sign: string): boolean {
    return this.#text.startsWith(sign, this.#at);
  }

  /** Takes what the expression matches here, or nothing. */
  #take(expression: RegExp): string {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#text)?.[0] ?? '';
    this.#at += match.length;
    return match;
  }

  #close(): void {
    if (!this.#isAt('}')) throw new Error('missing closing brace');
    this.#at++;
  }

  #expression(): string {
    if (++this.#depth > maxDepth) throw new Error(`variables are nested more than ${maxDepth} deep`);
    this.#at += 2;
    const result = this.#isAt('#') ? this.#length() : this.#value();
    this.#depth--;
    return result;
  }

  #length(): string {
    this.#at++;
    const name = this.#take(/[\p{L}\p{Nd}_]+/uy);
    if (name === '') throw new Error('bad substitution');
    this.#close();
    return String(Buffer.byteLength(this.#lookUp(name)));
  }

  #lookUp(name: string): string {
    const value = this.#variables.get(name);
    if (value === undefined) throw new Error(`variable not set (strict mode): ${JSON.stringify(name)}`);
    return value;
  }

  #value(): string {
    const name = this.#take(/[\p{L}\p{Nd}_]+/uy);
    if (name === '') throw new Error('unable to parse variable name');
    switch (this.#text[this.#at]) {
      case ':':
        return /[=\-?+]/.test(this.#text[this.#at + 1] ?? '') ? this.#defaulted(name, 2) : this.#part(name);
      case '=':
        return this.#defaulted(name, 1);
      case ',':
      case '^':
        return this.#cased(name);
      case '/':
        return this.#replaced(name);
      case '#':
      case '%':
        return this.#trimmed(name);
      default:
        this.#close();
        return this.#lookUp(name);
    }
  }

  /** A nested expression, or the text up to one or to what ends the parameter. */
  #parameter(expression: RegExp): string {
    if (this.#isAt('${')) return this.#expression();
    const text = this.#take(expression);
    if (text === '') throw new Error('unable to parse substitution within function');
    return text;
  }

  #defaulted(name: string, length: number): string {
    this.#at += length;
    let fallback = '';
    while (!this.#isAt('}')) fallback += this.#parameter(/(?:(?!\$\{)[^}])+/y);
    this.#close();
    const value = this.#variables.get(name) ?? '';
    return value === '' ? fallback : value;
  }

  #part(name: string): string {
    this.#at++;
    const start = this.#parameter(/(?:(?!\$\{)[^:}])+/y);
    if (this.#isAt('}')) {
      this.#close();
      return substring(this.#lookUp(name), start, undefined);
    }
    if (this.#take(/:+/y) === '') throw new Error('bad substitution');
    const length = this.#parameter(/(?:(?!\$\{)[^}])+/y);
    this.#close();
    return substring(this.#lookUp(name), start, length);
  }

  #cased(name: string): string {
    const operator = this.#take(/[,^]{1,2}/y);
    this.#close();
    const value = this.#lookUp(name);
    if (operator === ',,') return value.toLowerCase();
    if (operator === '^^') return value.toUpperCase();
    const first = [...value][0] ?? '';
    return (operator === ',' ? first.toLowerCase() : first.toUpperCase()) + value.slice(first.length);
  }

  #trimmed(name: string): string {
    const operator = this.#take(/#{1,2}|%{1,2}/y);
    const pattern = this.#parameter(/(?:(?!\$\{)[^}])+/y);
    this.#close();
    const value = this.#lookUp(name);
    const isLongest = operator.length === 2;
    if (operator.startsWith('#')) return trimStart(value, pattern, isLongest);
    return reversed(trimStart(reversed(value), reversed(pattern), isLongest));
  }

  #replaced(name: string): string {
    const operator = this.#take(/\/[/#%]?/y);
    const from = unescaped(this.#parameter(/(?:\\[/\\]|\$\$|(?!\$\{)[^/])+/y));
    if (this.#take(/\/+/y) === '') throw new Error('bad substitution');
    const to = this.#isAt('}') ? '' : unescaped(this.#parameter(/(?:\\[/\\]|\$\$|(?!\$\{)[^}])+/y));
    const isBare = this.#text[this.#at - 1] === '/' && to === '';
    this.#close();
    const value = this.#lookUp(name);
    switch (operator) {
      case '//':
        return value.replaceAll(from, () => to);
      case '/#':
        return value.startsWith(from) && !isBare ? to + value.slice(from.length) : value;
      case '/%':
        return value.endsWith(from) && !isBare ? value.slice(0, value.length - from.length) + to : value;
      default:
        return value.replace(from, () => to);
    }
  }
}

function unescaped(text: string): string {
  return text.replaceAll(/\\([/\\])/g, '$1').replaceAll('$$', () => '$');
}

/** By bytes, as Go slices; what is no number leaves the value whole. */
function substring(value: string, start: string, length: string | undefined): string {
  const number = (text: string): number | undefined => (/^[-+]?\d+$/.test(text) ? Number(text) : undefined);
  const bytes = Buffer.from(value);
  let from = number(start);
  if (from === undefined) return value;
  if (from < 0) from = Math.max(0, bytes.length + from);
  if (length === undefined) return bytes.subarray(from).toString();
  const size = number(length);
  if (size === undefined) return value;
  if (size < 0) throw new Error(`the length ${size} of a substring is negative`);
  return bytes.subarray(from, from + size).toString();
}

function reversed(text: string): string {
  return [...text].toReversed().join('');
}

/** Takes away the shortest or longest start that a shell pattern matches. */
function trimStart(value: string, pattern: string, isLongest: boolean): string {
  const lengths = Array.from({ length: value.length }, (_item, index) => index + 1);
  for (const length of isLongest ? lengths.toReversed() : lengths) {
    if (matchesPattern(value.slice(0, length), pattern)) return value.slice(length);
  }
  return value;
}

/** `*` any text, `?` one character, `[…]` a class, `\` escapes. Linear in text and stars: no backtracking beyond the last star. */
function matchesPattern(text: string, pattern: string): boolean {
  const parts = pattern.match(/\\[^]|\[\^?\]?[^\]]*\]|[^]/g) ?? [];
  let [at, part, starAt, starPart] = [0, 0, -1, -1];
  while (at < text.length) {
    const current = parts[part];
    if (current === '*') {
      [starAt, starPart] = [at, part];
      part++;
    } else if (current !== undefined && matchesOne(text[at] ?? '', current)) {
      at++;
      part++;
    } else if (starPart >= 0) {
      starAt++;
      [at, part] = [starAt, starPart + 1];
    } else return false;
  }
  return parts.slice(part).every((rest) => rest === '*');
}

function matchesOne(sign: string, part: string): boolean {
  if (part === '?') return true;
  if (part.startsWith('\\')) return part[1] === sign;
  if (!part.startsWith('[') || part.length < 3) return part === sign;
  const isNegated = part[1] === '^';
  const members = part.slice(isNegated ? 2 : 1, -1);
  let isIn = false;
  for (let index = 0; index < members.length; index++) {
    const low = members[index] ?? '';
    if (members[index + 1] === '-' && index + 2 < members.length) {
      if (low <= sign && sign <= (members[index + 2] ?? '')) isIn = true;
      index += 2;
    } else if (low === sign) isIn = true;
  }
  return isIn !== isNegated;
}
