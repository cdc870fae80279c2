/** Reads YAML with the library the program is built with. */

import { createRequire } from 'node:module';

const { parse, parseAllDocuments } = createRequire(import.meta.url)('yaml');

export const load = (text) => parse(text);
export const loadAll = (text) => parseAllDocuments(text).map((document) => document.toJSON());
