/** Changes one tag in a YAML file and nothing else: every other byte stays. */

import { TowpathError } from '@towpath/kit';
import { isScalar, parseAllDocuments, type Document, type Scalar } from 'yaml';
import { isTag } from '../image-ref.ts';
import type { ImagePlace } from '../places.ts';

export interface TagEdit {
  readonly file: string;
  readonly text: string;
  /** Which document of the file, from 0. */
  readonly documentIndex: number;
  /** Leads to the object inside the document; more than nothing for an item of a List. */
  readonly place: Pick<ImagePlace, 'path' | 'holds'>;
  readonly tag: string;
}

/** The file's text with the tag replaced. Throws `IMAGE_EDIT_FAILED` when the place is not an ordinary scalar. */
export function editTag(edit: TagEdit): string {
  const { file, text, place, tag } = edit;
  if (!isTag(tag)) throw failed(edit, `${JSON.stringify(tag)} is no tag`);
  const document = parseDocuments(text)[edit.documentIndex];
  const node = document?.getIn(place.path, true);
  if (!isScalar(node) || node.range === undefined || node.range === null) throw failed(edit, 'there is no plain value');
  const [start, end] = node.range;
  const source = text.slice(start, end);
  const edited = text.slice(0, start) + replaceIn(edit, node, source) + text.slice(end);
  const check = parseDocuments(edited)[edit.documentIndex]?.getIn(place.path);
  const wanted = place.holds === 'tag' ? tag : withTag(String(node.value), tag);
  if (String(check) !== wanted) throw failed(edit, `the edit would read as ${JSON.stringify(check)} in ${file}`);
  return edited;
}

export function parseDocuments(text: string): Document[] {
  const documents = parseAllDocuments(text, { version: '1.1', merge: true, uniqueKeys: false, logLevel: 'silent' });
  return Array.isArray(documents) ? (documents as Document[]) : [];
}

function replaceIn(edit: TagEdit, node: Scalar, source: string): string {
  const { place, tag } = edit;
  const value = place.holds === 'tag' ? tag : withTag(String(node.value), tag);
  const quote = source[0];
  // A tag or reference holds no character that needs an escape inside quotes.
  if (quote === '"' || quote === "'") return `${quote}${value}${quote}`;
  if (quote === '|' || quote === '>') throw failed(edit, 'block scalars are not edited');
  return readsAsText(value) ? value : `"${value}"`;
}

function withTag(reference: string, tag: string): string {
  const colon = reference.lastIndexOf(':');
  const bare = colon > reference.lastIndexOf('/') ? reference.slice(0, colon) : reference;
  return `${bare}:${tag}`;
}

/** `1.10` or `yes` would become a number or a truth value without quotes. */
function readsAsText(value: string): boolean {
  const [document] = parseDocuments(`${value}\n`);
  return document?.errors.length === 0 && document.toJS() === value;
}

function failed(edit: TagEdit, because: string): TowpathError {
  return new TowpathError(
    'IMAGE_EDIT_FAILED',
    `${edit.file}: ${edit.place.path.join('.')} cannot be edited: ${because}`,
    {
      next: 'write the tag as a plain or quoted value',
    },
  );
}
