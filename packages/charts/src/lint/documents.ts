/** The documents of a rendered file as Kubernetes' own reader splits and reads them. Source: k8s.io/apimachinery, pkg/util/yaml. */

import { messageOf } from '@towpath/kit';
import { TypedMapping, TypeMismatch } from '../chart/typed.ts';
import { decodeYaml } from '../yaml/decode.ts';

/** What lint looks at in an object. */
export interface LintedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** An object, undefined for an empty document, or the sentence of what is wrong. */
export type LintedDocument = LintedObject | undefined | { readonly problem: string };

/** Documents up to the first one that cannot be read. */
export function* readDocuments(text: string): Generator<LintedDocument> {
  for (const document of splitDocuments(text)) {
    if (typeof document !== 'string') {
      yield document;
      return;
    }
    const read = readDocument(document);
    yield read;
    if (read !== undefined && 'problem' in read) return;
  }
}

/** A separator at the head of a document stays in it. */
function* splitDocuments(text: string): Generator<string | { readonly problem: string }> {
  let buffer = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('---')) {
      const rest = line.slice('---'.length).trim();
      if (rest !== '' && !rest.startsWith('#')) {
        yield { problem: `invalid Yaml document separator: ${rest}` };
        return;
      }
      if (buffer !== '') {
        yield buffer;
        buffer = '';
        continue;
      }
    }
    buffer += `${line}\n`;
  }
  if (buffer.trim() !== '') yield buffer;
}

function readDocument(text: string): LintedDocument {
  let value: unknown;
  try {
    value = decodeYaml(text, { keepIntegers: true });
  } catch (error) {
    return { problem: `error converting YAML to JSON: ${messageOf(error)}` };
  }
  if (value === null) return undefined;
  try {
    const root = new TypedMapping(value, 'rules.K8sYamlStruct');
    const place = 'struct field K8sYamlStruct.Metadata of type rules.k8sYamlMetadata';
    const metadata = new TypedMapping(root.raw('Metadata'), 'rules.k8sYamlMetadata', place, 'Metadata.');
    metadata.text('Namespace');
    return { apiVersion: root.text('apiVersion'), kind: root.text('Kind'), name: metadata.text('Name') };
  } catch (error) {
    if (!(error instanceof TypeMismatch)) throw error;
    return { problem: `error unmarshaling JSON: while decoding JSON: ${error.message}` };
  }
}

/** Whether an item of a List keeps itself from being deleted, which has no effect there. */
export function hasPolicyInList(text: string): boolean {
  const list = decodeYaml(text);
  const items = new TypedMapping(list, 'List').raw('Items');
  if (!Array.isArray(items)) return false;
  return items.some((item: unknown) => {
    const metadata = memberOf(item, 'Metadata');
    const annotations = memberOf(metadata, 'Annotations');
    return annotations instanceof Map && annotations.has('helm.sh/resource-policy');
  });
}

function memberOf(value: unknown, name: string): unknown {
  return value instanceof Map ? new TypedMapping(value, name).raw(name) : undefined;
}
