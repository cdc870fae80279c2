/** Keys a body says twice: the last one counts, and field validation tells or refuses. */

import { duplicateYamlKeys } from '@towpath/kit';

/** Paths of the members that a valid JSON text says again, in order: `spec.replicas`, `items[0].name`. */
export function duplicateJsonFields(text: string): readonly string[] {
  const found: string[] = [];
  const scan = new Scanner(text);
  scan.value('', found);
  return found;
}

/** The same for YAML, each as a sentence with its line. */
export function duplicateYamlSentences(text: string): readonly string[] {
  return duplicateYamlKeys(text).map(({ key, line }) => `line ${line}: key "${key}" already set in map`);
}

const quote = 0x22;
const backslash = 0x5c;

/** Walks over text that is known to be JSON. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(path: string, found: string[]): void {
    const first = this.#next();
    if (first === '{') this.#object(path, found);
    else if (first === '[') this.#list(path, found);
    else if (first === '"') this.#string();
    else while (this.#at < this.#text.length && !',]}'.includes(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #object(path: string, found: string[]): void {
    this.#at += 1;
    const seen = new Set<string>();
    const told = new Set<string>();
    while (this.#next() === '"') {
      const key = this.#string();
      const member = path === '' ? key : `${path}.${key}`;
      if (seen.has(key) && !told.has(key)) {
        told.add(key);
        found.push(member);
      }
      seen.add(key);
      this.#next();
      this.#at += 1;
      this.value(member, found);
      if (this.#next() === ',') this.#at += 1;
    }
    this.#at += 1;
  }

  #list(path: string, found: string[]): void {
    this.#at += 1;
    for (let index = 0; this.#at < this.#text.length && this.#next() !== ']'; index += 1) {
      this.value(`${path}[${index}]`, found);
      if (this.#next() === ',') this.#at += 1;
    }
    this.#at += 1;
  }

  /** Skips white space; the character after it. */
  #next(): string | undefined {
    while (this.#text.charCodeAt(this.#at) <= 0x20) this.#at += 1;
    return this.#text[this.#at];
  }

  #string(): string {
    const start = this.#at;
    let hasEscapes = false;
    this.#at += 1;
    for (; this.#text.charCodeAt(this.#at) !== quote; this.#at += 1) {
      if (this.#text.charCodeAt(this.#at) === backslash) {
        hasEscapes = true;
        this.#at += 1;
      }
    }
    this.#at += 1;
    const raw = this.#text.slice(start, this.#at);
    return hasEscapes ? String(JSON.parse(raw)) : raw.slice(1, -1);
  }
}
