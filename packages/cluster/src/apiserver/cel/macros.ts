/** Macros of CEL: loops over lists and maps, `has`, and those of optional values. Source: cel-go, parser and ext. */

import { accumulator, type Expr, type Literal } from './syntax.ts';

/** Makes nodes with ids of their own. */
export class NodeFactory {
  nextId = 1;

  literal(at: number, value: Literal['value']): Literal {
    return { kind: 'literal', id: this.nextId++, at, value };
  }

  ident(at: number, name: string): Expr {
    return { kind: 'ident', id: this.nextId++, at, name };
  }

  select(at: number, operand: Expr, field: string, testOnly = false): Expr {
    return { kind: 'select', id: this.nextId++, at, operand, field, testOnly };
  }

  call(at: number, name: string, args: readonly Expr[], target?: Expr): Expr {
    return { kind: 'call', id: this.nextId++, at, name, args, target };
  }

  list(at: number, items: readonly Expr[], optional: ReadonlySet<number> = new Set()): Expr {
    return { kind: 'list', id: this.nextId++, at, items, optional };
  }

  map(at: number, entries: readonly { key: Expr; value: Expr; optional: boolean }[]): Expr {
    return { kind: 'map', id: this.nextId++, at, entries };
  }

  struct(at: number, name: string, values: readonly Expr[]): Expr {
    return { kind: 'struct', id: this.nextId++, at, name, values };
  }

  fold(at: number, loop: Loop): Expr {
    return { kind: 'comprehension', id: this.nextId++, at, accuVar: accumulator, ...loop };
  }
}

interface Loop {
  readonly iterVar: string;
  readonly iterVar2: string | undefined;
  readonly range: Expr;
  readonly accuVar?: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

/** A call as it was written. */
export interface WrittenCall {
  readonly name: string;
  readonly target: Expr | undefined;
  readonly at: number;
  readonly args: readonly Expr[];
}

type Report = (at: number, message: string) => void;

/** The tree a macro stands for; undefined when the call is none. */
export function expandMacro(call: WrittenCall, nodes: NodeFactory, report: Report): Expr | undefined {
  const { name, target, at, args } = call;
  if (target === undefined) return name === 'has' && args.length === 1 ? expandHas(call, nodes, report) : undefined;
  const macro = macros[`${name}/${args.length}`];
  if (macro === undefined) return undefined;
  const variables: string[] = [];
  for (const argument of args.slice(0, macro.variables)) {
    const problem = variableProblem(argument, macro);
    if (problem !== undefined) {
      report(argument.at, problem);
      return nodes.literal(at, '<<error>>');
    }
    variables.push(argument.kind === 'ident' ? argument.name : '');
  }
  const [first = '', second] = variables;
  if (second !== undefined && first === second) {
    report(args[1]?.at ?? at, `duplicate variable name: ${first}`);
    return nodes.literal(at, '<<error>>');
  }
  return macro.expand({ nodes, at, target, first, second, rest: args.slice(macro.variables) });
}

function variableProblem(argument: Expr, macro: Macro): string | undefined {
  if (argument.kind !== 'ident' || argument.name.startsWith('.'))
    return macro.isOptional === true ? `optMap() variable name must be a simple identifier` : macro.notIdentifier;
  if (argument.name === '__result__' || argument.name === accumulator)
    return 'iteration variable overwrites accumulator variable';
  return undefined;
}

function expandHas({ at, args }: WrittenCall, nodes: NodeFactory, report: Report): Expr {
  const [argument] = args;
  if (argument?.kind === 'select') return nodes.select(at, argument.operand, argument.field, true);
  report(argument?.at ?? at, 'invalid argument to has() macro');
  return nodes.literal(at, '<<error>>');
}

interface Parts {
  readonly nodes: NodeFactory;
  readonly at: number;
  readonly target: Expr;
  readonly first: string;
  readonly second: string | undefined;
  /** Arguments after the variables. */
  readonly rest: readonly Expr[];
}

interface Macro {
  /** How many arguments name variables. */
  readonly variables: number;
  readonly notIdentifier: string;
  readonly isOptional?: true;
  readonly expand: (parts: Parts) => Expr;
}

/** A loop over the target. */
function loop(parts: Parts, own: Pick<Loop, 'init' | 'condition' | 'step' | 'result'>): Expr {
  const { nodes, at, target, first, second } = parts;
  return nodes.fold(at, { iterVar: first, iterVar2: second, range: target, ...own });
}

function last(rest: readonly Expr[]): Expr {
  const found = rest.at(-1);
  if (found === undefined) throw new TypeError('a macro has an argument');
  return found;
}

function all(parts: Parts): Expr {
  const { nodes, at, rest } = parts;
  const accu = (): Expr => nodes.ident(at, accumulator);
  return loop(parts, {
    init: nodes.literal(at, true),
    condition: nodes.call(at, '@not_strictly_false', [accu()]),
    step: nodes.call(at, '_&&_', [accu(), last(rest)]),
    result: accu(),
  });
}

function exists(parts: Parts): Expr {
  const { nodes, at, rest } = parts;
  const accu = (): Expr => nodes.ident(at, accumulator);
  return loop(parts, {
    init: nodes.literal(at, false),
    condition: nodes.call(at, '@not_strictly_false', [nodes.call(at, '!_', [accu()])]),
    step: nodes.call(at, '_||_', [accu(), last(rest)]),
    result: accu(),
  });
}

function existsOne(parts: Parts): Expr {
  const { nodes, at, rest } = parts;
  const accu = (): Expr => nodes.ident(at, accumulator);
  const more = nodes.call(at, '_+_', [accu(), nodes.literal(at, 1n)]);
  return loop(parts, {
    init: nodes.literal(at, 0n),
    condition: nodes.literal(at, true),
    step: nodes.call(at, '_?_:_', [last(rest), more, accu()]),
    result: nodes.call(at, '_==_', [accu(), nodes.literal(at, 1n)]),
  });
}

/** A loop that collects: with two further arguments the first filters. */
function collect(parts: Parts, init: Expr, step: Expr): Expr {
  const { nodes, at, rest } = parts;
  const accu = (): Expr => nodes.ident(at, accumulator);
  const [filter] = rest;
  return loop(parts, {
    init,
    condition: nodes.literal(at, true),
    step: rest.length > 1 && filter !== undefined ? nodes.call(at, '_?_:_', [filter, step, accu()]) : step,
    result: accu(),
  });
}

function mapList(parts: Parts): Expr {
  const { nodes, at, rest } = parts;
  const step = nodes.call(at, '_+_', [nodes.ident(at, accumulator), nodes.list(at, [last(rest)])]);
  return collect(parts, nodes.list(at, []), step);
}

function filterList(parts: Parts): Expr {
  const { nodes, at, first, rest } = parts;
  const item = nodes.list(at, [nodes.ident(at, first)]);
  const step = nodes.call(at, '_+_', [nodes.ident(at, accumulator), item]);
  return collect({ ...parts, rest: [last(rest), last(rest)] }, nodes.list(at, []), step);
}

function transformMap(parts: Parts): Expr {
  const { nodes, at, first, rest } = parts;
  const args = [nodes.ident(at, accumulator), nodes.ident(at, first), last(rest)];
  return collect(parts, nodes.map(at, []), nodes.call(at, 'cel.@mapInsert', args));
}

function transformMapEntry(parts: Parts): Expr {
  const { nodes, at, rest } = parts;
  const args = [nodes.ident(at, accumulator), last(rest)];
  return collect(parts, nodes.map(at, []), nodes.call(at, 'cel.@mapInsert', args));
}

/** `optMap` and `optFlatMap`: a loop over nothing whose accumulator is the value. */
function optionalMap(parts: Parts, isFlat: boolean): Expr {
  const { nodes, at, target, first, rest } = parts;
  const bound = nodes.fold(at, {
    iterVar: '#unused',
    iterVar2: undefined,
    range: nodes.list(at, []),
    accuVar: first,
    init: nodes.call(at, 'value', [], target),
    condition: nodes.literal(at, false),
    step: nodes.ident(at, first),
    result: last(rest),
  });
  const some = isFlat ? bound : nodes.call(at, 'optional.of', [bound]);
  const has = nodes.call(at, 'hasValue', [], target);
  return nodes.call(at, '_?_:_', [has, some, nodes.call(at, 'optional.none', [])]);
}

const simpleName = 'argument must be a simple name';
const notIdentifier = 'argument is not an identifier';
const two = { variables: 2, notIdentifier: simpleName } as const;
const quantifier = { variables: 1, notIdentifier: simpleName } as const;
const lister = { variables: 1, notIdentifier } as const;

const macros: Readonly<Record<string, Macro>> = {
  'all/2': { ...quantifier, expand: all },
  'exists/2': { ...quantifier, expand: exists },
  'exists_one/2': { ...quantifier, expand: existsOne },
  'existsOne/2': { ...quantifier, expand: existsOne },
  'map/2': { ...lister, expand: mapList },
  'map/3': { ...lister, expand: mapList },
  'filter/2': { ...lister, expand: filterList },
  'all/3': { ...two, expand: all },
  'exists/3': { ...two, expand: exists },
  'exists_one/3': { ...two, expand: existsOne },
  'existsOne/3': { ...two, expand: existsOne },
  'transformList/3': { ...two, expand: mapList },
  'transformList/4': { ...two, expand: mapList },
  'transformMap/3': { ...two, expand: transformMap },
  'transformMap/4': { ...two, expand: transformMap },
  'transformMapEntry/3': { ...two, expand: transformMapEntry },
  'transformMapEntry/4': { ...two, expand: transformMapEntry },
  'optMap/2': { ...lister, isOptional: true, expand: (parts) => optionalMap(parts, false) },
  'optFlatMap/2': { ...lister, isOptional: true, expand: (parts) => optionalMap(parts, true) },
};
