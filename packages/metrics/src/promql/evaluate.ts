/** Evaluates a syntax tree, node by node, each over all steps of the query. */

import type { Expr, SubqueryExpr } from './ast.ts';
import { typeOf } from './ast.ts';
import { aggregate } from './aggregate.ts';
import { binary } from './binary.ts';
import type { Environment } from './environment.ts';
import { columnFor, type Call, type RangeSeries, type RangeValue } from './functions/row.ts';
import { referenceTimes, selectInstant, selectRange } from './select.ts';
import { constant, type Column, type Steps, type Value } from './value.ts';

/** The value of `expr` at every step. Throws the errors of `Environment` and `PROMQL_EXECUTION`. */
export async function evaluate(expr: Expr, steps: Steps, env: Environment): Promise<Value> {
  await env.breathe();
  switch (expr.type) {
    case 'number':
      return constant(expr.value, steps);
    case 'string':
      return { type: 'string', text: expr.value };
    case 'selector':
      return { type: 'vector', columns: await selectInstant(expr, steps, env) };
    case 'subquery':
      throw new Error('bug: a subquery is evaluated by the function around it');
    case 'unary':
      return negate(expr.op, await evaluate(expr.expr, steps, env), steps, env);
    case 'call':
      return expr.row.run(callOf(expr.args, steps, env));
    case 'aggregate': {
      const columns = await evaluateVector(expr.expr, steps, env);
      const param = expr.param === undefined ? undefined : await evaluate(expr.param, steps, env);
      return aggregate({ expr, columns, param, steps, env });
    }
    case 'binary': {
      const left = await evaluate(expr.left, steps, env);
      const right = await evaluate(expr.right, steps, env);
      return binary({ expr, left, right, steps, env });
    }
  }
}

async function evaluateVector(expr: Expr, steps: Steps, env: Environment): Promise<readonly Column[]> {
  const value = await evaluate(expr, steps, env);
  if (value.type !== 'vector') throw new Error(`bug: ${value.type} where a vector was checked for`);
  return value.columns;
}

function callOf(args: readonly Expr[], steps: Steps, env: Environment): Call {
  const argument = (index: number): Expr => {
    const expr = args[index];
    if (expr === undefined) throw new Error(`bug: argument ${index} was checked for`);
    return expr;
  };
  return {
    args,
    steps,
    env,
    vector: (index) => evaluateVector(argument(index), steps, env),
    async scalar(index) {
      const value = await evaluate(argument(index), steps, env);
      if (value.type !== 'scalar') throw new Error(`bug: ${value.type} where a scalar was checked for`);
      return value.values;
    },
    async text(index) {
      const value = await evaluate(argument(index), steps, env);
      if (value.type !== 'string') throw new Error(`bug: ${value.type} where a string was checked for`);
      return value.text;
    },
    range: (index) => evaluateRange(argument(index), steps, env),
    async timestamps(index) {
      const expr = argument(index);
      if (expr.type !== 'selector') throw new Error('bug: only a selector has sample times');
      return selectInstant(expr, steps, env, { timestamps: true });
    },
  };
}

/** The range vector of a range selector or subquery. */
export async function evaluateRange(expr: Expr, steps: Steps, env: Environment): Promise<RangeValue> {
  if (expr.type === 'selector') return selectRange(expr, steps, env);
  if (expr.type !== 'subquery') throw new Error(`bug: ${typeOf(expr)} where a range vector was checked for`);
  return subquery(expr, steps, env);
}

/** Evaluates the inner expression at multiples of the subquery's step that any window needs. */
async function subquery(expr: SubqueryExpr, steps: Steps, env: Environment): Promise<RangeValue> {
  const endsMs = referenceTimes(expr, steps, env);
  const stepMs = expr.stepMs ?? env.limits.subqueryStepMs;
  const afterMs = (endsMs[0] ?? 0) - expr.rangeMs;
  const firstMs = (Math.floor(afterMs / stepMs) + 1) * stepMs;
  const count = Math.max(0, Math.floor(((endsMs.at(-1) ?? 0) - firstMs) / stepMs) + 1);
  env.spend(count);
  const inner: Steps = { startMs: firstMs, stepMs, count };
  const columns = count === 0 ? [] : await evaluateVector(expr.expr, inner, env);
  const series = columns.map((column) => compact(column, inner));
  return { steps, rangeMs: expr.rangeMs, endsMs, series };
}

function compact(column: Column, steps: Steps): RangeSeries {
  const times = new Float64Array(steps.count);
  const values = new Float64Array(steps.count);
  let length = 0;
  for (let index = 0; index < steps.count; index++) {
    if (column.present[index] !== 1) continue;
    times[length] = steps.startMs + index * steps.stepMs;
    values[length] = column.values[index] ?? NaN;
    length++;
  }
  return { labels: column.labels, dropName: column.dropName, times, values, length };
}

function negate(op: '+' | '-', value: Value, steps: Steps, env: Environment): Value {
  if (op === '+' || value.type === 'string') return value;
  if (value.type === 'scalar') return { type: 'scalar', values: value.values.map((number) => -number) };
  const columns = value.columns.map((column) => {
    const { labels, dropName } = columnFor(column, { steps, env }, false);
    return { labels, dropName, values: column.values.map((number) => -number), present: column.present };
  });
  return env.nameless(columns, steps);
}
