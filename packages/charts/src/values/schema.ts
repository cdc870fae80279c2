/** Checks the values of a chart and of its dependencies against their values.schema.json. */

import type { Chart } from '../chart/types.ts';
import { LimitError, chartError } from '../errors.ts';
import type { GoMap } from '../go/values.ts';
import { fromBytes } from '../go/utf8.ts';
import type { Problem } from '../schema/types.ts';
import { valuesSchema, type ValuesSchema } from '../schema/values-schema.ts';
import type { WorkChart } from './work-chart.ts';

/** Compiled schemas of loaded charts, gone when the chart goes. */
const compiled = new WeakMap<Chart, ValuesSchema>();

/** A value that a schema refuses. */
export interface RefusedValue {
  readonly chart: string;
  /** From the root chart's values. */
  readonly keys: readonly (string | number)[];
  readonly problem: string;
  /** Undefined where there is none. */
  readonly value: unknown;
}

/** Why `VALUES_SCHEMA` was thrown. */
export class SchemaRefusal extends Error {
  override readonly name = 'SchemaRefusal';
  readonly refused: readonly RefusedValue[];

  constructor(refused: readonly RefusedValue[]) {
    super(refused.map(({ problem }) => problem).join('; '));
    this.refused = refused;
  }
}

/** Throws `VALUES_SCHEMA` with Helm's sentence, or `RENDER_LIMIT`. */
export function validateSchemas(chart: WorkChart, values: GoMap): void {
  const refused: RefusedValue[] = [];
  const problems = problemsOf(chart, values, { mount: [], refused });
  if (problems === '') return;
  throw chartError(
    'VALUES_SCHEMA',
    `values don't meet the specifications of the schema(s) in the following chart(s):\n${problems}`,
    { next: 'change the values that are named', cause: new SchemaRefusal(refused) },
  );
}

interface Checking {
  /** Where the chart's values are in the root's. */
  readonly mount: readonly string[];
  readonly refused: RefusedValue[];
}

function problemsOf(chart: WorkChart, values: GoMap, checking: Checking): string {
  const own = ownProblems(chart, values, checking);
  const below = chart.dependencies.map((dependency) => {
    const inner = values.get(dependency.name);
    const table: GoMap = inner instanceof Map ? (inner as GoMap) : new Map();
    return problemsOf(dependency, table, { ...checking, mount: [...checking.mount, dependency.name] });
  });
  return own + below.join('');
}

function ownProblems(chart: WorkChart, values: GoMap, { mount, refused }: Checking): string {
  const schema = schemaOf(chart.source);
  if (schema === undefined) return '';
  try {
    const found = schema(values);
    if (found === undefined) return '';
    for (const { path, message } of found.problems.flatMap(leavesOf)) {
      const { keys, value } = follow(values, path);
      refused.push({ chart: chart.name, keys: [...mount, ...keys], problem: message, value });
    }
    return `${chart.name}:\n${found.text}`;
  } catch (error) {
    if (!(error instanceof LimitError)) throw error;
    throw chartError('RENDER_LIMIT', error.message, { next: 'simplify the schema', cause: error });
  }
}

/** The checks that failed by themselves. */
function leavesOf(problem: Problem): readonly Problem[] {
  return problem.causes.length === 0 ? [problem] : problem.causes.flatMap(leavesOf);
}

/** A pointer's tokens as keys, with numbers for lists, and the value they lead to. */
function follow(values: GoMap, path: readonly string[]): { keys: (string | number)[]; value: unknown } {
  const keys: (string | number)[] = [];
  let value: unknown = values;
  for (const token of path) {
    const isList = Array.isArray(value);
    keys.push(isList ? Number(token) : token);
    if (isList) value = (value as unknown[])[Number(token)];
    else value = value instanceof Map ? (value as GoMap).get(token) : undefined;
  }
  return { keys, value };
}

function schemaOf(chart: Chart): ValuesSchema | undefined {
  if (chart.schema === undefined) return undefined;
  const known = compiled.get(chart);
  if (known !== undefined) return known;
  const schema = valuesSchema(typeof chart.schema === 'string' ? chart.schema : fromBytes(chart.schema));
  compiled.set(chart, schema);
  return schema;
}
