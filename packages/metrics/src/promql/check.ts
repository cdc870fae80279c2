/** Checks that the types of a query fit together, in Prometheus' words. */

import { metricsError } from '../errors.ts';
import { typeNames, typeOf, type AggregateExpr, type CallExpr, type Expr, type ValueType } from './ast.ts';

/** Throws `PROMQL_INVALID` for a call, aggregation or subquery whose operands have the wrong type. */
export function checkExpr(expr: Expr): void {
  switch (expr.type) {
    case 'number':
    case 'string':
    case 'selector':
      return;
    case 'subquery':
      expect(expr.expr, 'vector', 'subquery');
      checkExpr(expr.expr);
      return;
    case 'unary':
      if (typeOf(expr.expr) !== 'scalar' && typeOf(expr.expr) !== 'vector') {
        const type = typeNames[typeOf(expr.expr)];
        throw invalid(`unary expression only allowed on expressions of type scalar or instant vector, got "${type}"`);
      }
      checkExpr(expr.expr);
      return;
    case 'binary':
      checkExpr(expr.left);
      checkExpr(expr.right);
      return;
    case 'aggregate':
      checkAggregate(expr);
      return;
    case 'call':
      checkCall(expr);
      return;
  }
}

function checkAggregate(expr: AggregateExpr): void {
  checkExpr(expr.expr);
  expect(expr.expr, 'vector', `aggregation expression`);
  if (expr.param === undefined) return;
  checkExpr(expr.param);
  expect(expr.param, expr.op === 'count_values' ? 'string' : 'scalar', 'aggregation parameter');
}

function checkCall({ row, args }: CallExpr): void {
  const required = row.variadic === 0 ? row.args.length : row.args.length - 1;
  const most = row.variadic < 0 ? Infinity : row.variadic === 0 ? row.args.length : required + row.variadic;
  if (args.length < required || args.length > most) {
    const bound = row.variadic === 0 ? '' : args.length < required ? ' at least' : ' at most';
    const wanted = args.length < required ? required : most;
    throw invalid(`expected${bound} ${wanted} argument(s) in call to "${row.name}", got ${args.length}`);
  }
  for (const [index, argument] of args.entries()) {
    const type = row.args[Math.min(index, row.args.length - 1)] ?? 'vector';
    expect(argument, type, `call to function "${row.name}"`);
    checkExpr(argument);
  }
}

function expect(expr: Expr, type: ValueType, where: string): void {
  const actual = typeOf(expr);
  if (actual === type) return;
  throw invalid(`expected type ${typeNames[type]} in ${where}, got ${typeNames[actual]}`);
}

function invalid(message: string): Error {
  return metricsError('PROMQL_INVALID', message);
}
