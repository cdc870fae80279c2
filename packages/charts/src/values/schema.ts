/** Checks the values of a chart and of its dependencies against their values.schema.json. */

import type { Chart } from '../chart/types.ts';
import { LimitError, chartError } from '../errors.ts';
import type { GoMap } from '../go/values.ts';
import { fromBytes } from '../go/utf8.ts';
import { valuesSchema, type ValuesSchema } from '../schema/values-schema.ts';
import type { WorkChart } from './work-chart.ts';

/** Compiled schemas of loaded charts, gone when the chart goes. */
const compiled = new WeakMap<Chart, ValuesSchema>();

/** Throws `VALUES_SCHEMA` with Helm's sentence, or `RENDER_LIMIT`. */
export function validateSchemas(chart: WorkChart, values: GoMap): void {
  const problems = problemsOf(chart, values);
  if (problems === '') return;
  throw chartError(
    'VALUES_SCHEMA',
    `values don't meet the specifications of the schema(s) in the following chart(s):\n${problems}`,
    {
      next: 'change the values that are named',
    },
  );
}

function problemsOf(chart: WorkChart, values: GoMap): string {
  const own = ownProblems(chart, values);
  const below = chart.dependencies.map((dependency) => {
    const inner = values.get(dependency.name);
    return problemsOf(dependency, inner instanceof Map ? (inner as GoMap) : new Map());
  });
  return own + below.join('');
}

function ownProblems(chart: WorkChart, values: GoMap): string {
  const schema = schemaOf(chart.source);
  if (schema === undefined) return '';
  try {
    const problems = schema(values);
    return problems === undefined ? '' : `${chart.name}:\n${problems}`;
  } catch (error) {
    if (!(error instanceof LimitError)) throw error;
    throw chartError('RENDER_LIMIT', error.message, { next: 'simplify the schema', cause: error });
  }
}

function schemaOf(chart: Chart): ValuesSchema | undefined {
  if (chart.schema === undefined) return undefined;
  const known = compiled.get(chart);
  if (known !== undefined) return known;
  const schema = valuesSchema(typeof chart.schema === 'string' ? chart.schema : fromBytes(chart.schema));
  compiled.set(chart, schema);
  return schema;
}
