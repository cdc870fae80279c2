/** values.schema.json: checks values as Helm does, with Helm's sentences. */

import { JsonDecodeError, decodeJsonDocument } from '../go/json-decode.ts';
import { quote } from '../go/strconv.ts';
import { compileSchema } from './compile.ts';
import { draftUrl } from './drafts.ts';
import { metaschemaAt } from './metaschemas.ts';
import { problemLines } from './print.ts';
import { SchemaError, type DraftVersion, type Problem, type Schema } from './types.ts';
import { failedWith, validate } from './validate.ts';
import { isSurelyValid } from './well-formed.ts';

const fileUrl = 'file:///values.schema.json';

/** Checks values against a schema's text; undefined when all is well. */
export type ValuesSchema = (values: unknown) => SchemaProblems | undefined;

/** What is wrong with values. */
export interface SchemaProblems {
  /** As Helm tells it, in lines. */
  readonly text: string;
  /** None when it is the schema that is wrong. */
  readonly problems: readonly Problem[];
}

/** Compiles a schema once. One that cannot be used answers all values with the reason. */
export function valuesSchema(text: string): ValuesSchema {
  try {
    const content = decodeJsonDocument(text);
    const schema = compileSchema(fileUrl, {
      load: (url) => (url === fileUrl ? content : metaschemaOrRefuse(url)),
      check: checkDocument,
    });
    return (values) => {
      const problems = validate(schema, values);
      return problems.length === 0 ? undefined : { text: `${problemLines(problems).join('\n')}\n`, problems };
    };
  } catch (error) {
    if (!(error instanceof SchemaError || error instanceof JsonDecodeError)) throw error;
    const { message } = error;
    return () => ({ text: message, problems: [] });
  }
}

function metaschemaOrRefuse(url: string): unknown {
  const document = metaschemaAt(url);
  if (document !== undefined) return document;
  throw new SchemaError(`failing loading ${quote(url)}: references outside values.schema.json are not followed`);
}

/** Compiled metaschemas do not change: one for each draft that is met. */
const metaschemas = new Map<DraftVersion, Schema>();

function metaschemaOf(draft: DraftVersion): Schema {
  const known = metaschemas.get(draft);
  if (known !== undefined) return known;
  const compiled = compileSchema(draftUrl(draft), { load: metaschemaOrRefuse, assertsFormats: true });
  metaschemas.set(draft, compiled);
  return compiled;
}

function checkDocument(content: unknown, draft: DraftVersion, location: string): void {
  if (isSurelyValid(content, draft)) return;
  const metaschema = metaschemaOf(draft);
  const problems = validate(metaschema, content);
  if (problems.length === 0) return;
  const lines = [failedWith(metaschema), ...problemLines(problems)].join('\n');
  throw new SchemaError(`${quote(location)} is not valid against metaschema: ${lines}`);
}
