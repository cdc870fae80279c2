/** Words: case, abbreviation, wrapping. Source: sprig, strings.go. */

import { abbreviate, connectWords, initials, pascalCase, swapCase, titleCase, uncapitalize, withoutSpaces, wrap } from '../go/words.ts';
import { row, type FunctionRow } from './row.ts';

export const words: readonly FunctionRow[] = [
  row({
    name: 'title',
    args: ['string'],
    returns: 'string',
    doc: 'Each word with an upper-case first letter.',
    example: ['{{ title "hello world" }}', 'Hello World'],
    run: titleCase,
  }),
  row({
    name: 'untitle',
    args: ['string'],
    returns: 'string',
    doc: 'Each word with a lower-case first letter.',
    example: ['{{ untitle "Hello World" }}', 'hello world'],
    run: uncapitalize,
  }),
  row({
    name: 'camelcase',
    args: ['string'],
    returns: 'string',
    doc: 'Words joined, each with an upper-case first letter.',
    example: ['{{ camelcase "http_server" }}', 'HttpServer'],
    run: pascalCase,
  }),
  row({
    name: 'snakecase',
    args: ['string'],
    returns: 'string',
    doc: 'Words in lower case, joined by underscores.',
    example: ['{{ snakecase "FirstName" }}', 'first_name'],
    run: (text) => connectWords(text, '_'),
  }),
  row({
    name: 'kebabcase',
    args: ['string'],
    returns: 'string',
    doc: 'Words in lower case, joined by hyphens.',
    example: ['{{ kebabcase "FirstName" }}', 'first-name'],
    run: (text) => connectWords(text, '-'),
  }),
  row({
    name: 'swapcase',
    args: ['string'],
    returns: 'string',
    doc: 'Upper case becomes lower case and the other way round.',
    example: ['{{ swapcase "aBc" }}', 'AbC'],
    run: swapCase,
  }),
  row({
    name: 'initials',
    args: ['string'],
    returns: 'string',
    doc: 'The first letter of each word.',
    example: ['{{ initials "First Try" }}', 'FT'],
    run: initials,
  }),
  row({
    name: 'nospace',
    args: ['string'],
    returns: 'string',
    doc: 'Without white space.',
    example: ['{{ nospace "a b" }}', 'ab'],
    run: withoutSpaces,
  }),
  row({
    name: 'abbrev',
    args: ['int', 'string'],
    returns: 'string',
    doc: 'Cut to so many bytes, with an ellipsis.',
    example: ['{{ abbrev 5 "hello world" }}', 'he...'],
    run: (width, text) => (width < 4 ? text : abbreviate(text, 0, width)),
  }),
  row({
    name: 'abbrevboth',
    args: ['int', 'int', 'string'],
    returns: 'string',
    doc: 'Cut on both sides, with ellipses.',
    example: ['{{ abbrevboth 5 10 "1234 5678 9123" }}', '...5678...'],
    run: (left, right, text) => (right < 4 || (left > 0 && right < 7) ? text : abbreviate(text, left, right)),
  }),
  row({
    name: 'wrap',
    args: ['int', 'string'],
    returns: 'string',
    doc: 'Wraps lines at so many bytes.',
    example: ['{{ wrap 5 "aaa bbb" }}', 'aaa\nbbb'],
    run: (width, text) => (text === '' ? '' : wrap(text, { width, newline: '', wrapLongWords: false })),
  }),
  row({
    name: 'wrapWith',
    args: ['int', 'string', 'string'],
    returns: 'string',
    doc: 'Wraps lines at so many bytes with the given line end, long words included.',
    example: ['{{ wrapWith 3 "/" "aaaa bb" }}', 'aaa/a/bb'],
    run: (width, newline, text) => (text === '' ? '' : wrap(text, { width, newline, wrapLongWords: true })),
  }),
];

