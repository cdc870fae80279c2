/** The estimated cost of one call, by function. Source: cel-go, checker/cost.go; apiserver pkg/cel/library/cost.go. */

import type { Estimator, Sized } from './cost.ts';
import { add, fixed, range, scale, times, uint64Max, union, unknown, type Range } from './cost-range.ts';
import { regexFactor, traversal } from './runtime-cost.ts';

/** A call with what is known of its arguments. */
export interface EstimatedCall {
  readonly name: string;
  readonly id: string;
  readonly target: Sized | undefined;
  readonly args: readonly Sized[];
  readonly argCosts: readonly Range[];
  readonly estimator: Estimator;
}

/** What a call costs, arguments included, and how large its result can be. */
export interface CallEstimate {
  readonly cost: Range;
  readonly size?: Range | undefined;
  readonly entries?: { readonly isList: boolean; readonly key: Range; readonly value: Range };
}

/** The longest pattern of a format. */
const maxFormatPattern = 128;

export function callCost(call: EstimatedCall): CallEstimate {
  const special = specialCost(call);
  if (special !== undefined) return special;
  const own = kubernetesCost(call) ?? stringCost(call) ?? { cost: fixed(1) };
  return { ...own, cost: call.argCosts.reduce(add, own.cost) };
}

function sizeOf(sized: Sized | undefined): Range {
  return sized?.size ?? unknown;
}

/** The size by the schema, where none was computed. */
function declared(call: EstimatedCall, sized: Sized | undefined): Range {
  return sized?.size ?? call.estimator.declaredSize(sized?.path) ?? unknown;
}

/** Operators that do not simply add what their arguments cost. */
function specialCost({ id, args, argCosts, estimator }: EstimatedCall): CallEstimate | undefined {
  const [first = fixed(0), second = fixed(0), third = fixed(0)] = argCosts;
  if (id === 'logical_and' || id === 'logical_or') return { cost: range(first.min, add(first, second).max) };
  if (id !== 'conditional') return undefined;
  const entries = [args[1], args[2]].map((arg) =>
    arg?.expr === undefined ? undefined : estimator.entriesOf(arg.expr),
  );
  const [yes, no] = entries;
  return {
    cost: add(first, union(second, third)),
    size: union(sizeOf(args[1]), sizeOf(args[2])),
    ...(yes === undefined || no === undefined
      ? {}
      : { entries: { isList: yes.isList, key: union(yes.key, no.key), value: union(yes.value, no.value) } }),
  };
}

const comparedByLength = /^(?:less|greater)(?:_equals)?_(?:string|bytes)$/;

/** What cel-go itself knows. */
function stringCost({ id, target, args, estimator }: EstimatedCall): CallEstimate | undefined {
  const [first, second] = args;
  switch (id) {
    case 'string_format':
      return { cost: scale(sizeOf(target), traversal) };
    case 'string_to_bytes':
      return { cost: scale(sizeOf(first), traversal), size: times(sizeOf(first), range(1, 4)) };
    case 'bytes_to_string':
      return {
        cost: scale(sizeOf(first), traversal),
        size: range(Math.floor(sizeOf(first).min / 4), sizeOf(first).max),
      };
    case 'strings_quote':
      return {
        cost: scale(sizeOf(first), traversal),
        size: range(sizeOf(first).min + 2, times(sizeOf(first), fixed(2)).max + 2),
      };
    case 'starts_with_string':
    case 'ends_with_string':
      return { cost: scale(sizeOf(first), traversal) };
    case 'in_list':
      return { cost: sizeOf(second) };
    case 'matches_string':
      return { cost: regexCost(sizeOf(target), sizeOf(first)) };
    case 'contains_string':
      return { cost: times(scale(sizeOf(target), traversal), scale(sizeOf(first), traversal)) };
    case 'add_string':
    case 'add_bytes':
    case 'add_list': {
      const size = add(sizeOf(first), sizeOf(second));
      const entries = [first, second].map((arg) =>
        arg?.expr === undefined ? undefined : estimator.entriesOf(arg.expr),
      );
      const [left, right] = entries;
      return {
        cost: id === 'add_list' ? fixed(1) : scale(size, traversal),
        size,
        ...(left === undefined || right === undefined
          ? {}
          : {
              entries: { isList: left.isList, key: union(left.key, right.key), value: union(left.value, right.value) },
            }),
      };
    }
    default:
  }
  if (id !== 'equals' && id !== 'not_equals' && !comparedByLength.test(id)) return undefined;
  const most = Math.min(sizeOf(first).max, sizeOf(second).max);
  return { cost: scale(range(most > 0 ? 1 : 0, most), traversal) };
}

/** One is added so that an empty text does not make an expensive pattern free. */
function regexCost(text: Range, pattern: Range): Range {
  return times(scale(add(text, fixed(1)), traversal), scale(pattern, regexFactor));
}

type Named = (call: EstimatedCall) => CallEstimate | undefined;

function ofFirst(factor: number, keepsSize: boolean): Named {
  return (call) => {
    const size = declared(call, call.args[0]);
    return { cost: scale(size, factor), ...(keepsSize ? { size } : {}) };
  };
}

function ofTarget(call: EstimatedCall): CallEstimate | undefined {
  if (call.target === undefined) return undefined;
  const size = declared(call, call.target);
  return { cost: scale(size, traversal), size };
}

const nominal: Named = () => ({ cost: fixed(1) });

/** Every element is compared; texts by their characters. */
function ofElements(call: EstimatedCall): CallEstimate | undefined {
  const { target } = call;
  if (target === undefined) return undefined;
  const element = target.type.of[0];
  const size = declared(call, target);
  if (element === undefined) return { cost: scale(size, traversal) };
  const isText = element.kind === 'string' || element.kind === 'bytes';
  const each = isText ? add(fixed(1), scale(elementSize(call, target), traversal)) : fixed(1);
  return { cost: times(size, each) };
}

function elementSize({ estimator }: EstimatedCall, list: Sized): Range {
  return (list.path === undefined ? undefined : estimator.declaredSize([...list.path, '@items'])) ?? unknown;
}

function ofReplace(call: EstimatedCall): CallEstimate | undefined {
  if (call.target === undefined || call.args.length < 2) return undefined;
  const text = declared(call, call.target);
  const old = declared(call, call.args[0]);
  const by = declared(call, call.args[1]);
  const most = replaceBound({ length: text.max, old: old.min, by: by.max, isLonger: by.max > old.min });
  const least = replaceBound({ length: text.min, old: old.max, by: by.min, isLonger: by.min < old.max });
  return { cost: scale(text, 2 * traversal), size: range(Math.min(least, uint64Max), Math.min(most, uint64Max)) };
}

function replaceBound(bound: { length: number; old: number; by: number; isLonger: boolean }): number {
  const { length, old, by, isLonger } = bound;
  if (old === 0) return (length + 1) * by + length;
  return isLonger ? Math.ceil(length / old) * by : length;
}

function ofSplit(call: EstimatedCall): CallEstimate | undefined {
  if (call.target === undefined) return undefined;
  const text = declared(call, call.target);
  const limit = call.args[1]?.expr;
  const most = limit?.kind === 'literal' && typeof limit.value === 'bigint' ? Number(limit.value) : text.max;
  return { cost: scale(text, 2 * traversal), size: range(0, most < 0 ? uint64Max : most) };
}

function ofJoin(call: EstimatedCall): CallEstimate | undefined {
  const { target } = call;
  if (target === undefined) return undefined;
  const count = declared(call, target);
  const joined = times(count, elementSize(call, target));
  const separators = range(Math.max(0, count.min - 1), Math.max(0, count.max - 1));
  const size = call.args[0] === undefined ? joined : add(joined, times(declared(call, call.args[0]), separators));
  return { cost: scale(size, traversal), size };
}

function ofFind(call: EstimatedCall): CallEstimate | undefined {
  if (call.target === undefined) return undefined;
  const text = declared(call, call.target);
  return { cost: regexCost(text, declared(call, call.args[0])), size: range(0, text.max) };
}

/** Addresses have four or sixteen bytes. */
const address = range(4, 16);

function ofContains(call: EstimatedCall): CallEstimate | undefined {
  let cost = scale(add(address, address), traversal);
  if (call.name === 'containsCIDR') cost = [cost, scale(address, traversal), fixed(1)].reduce(add);
  if (call.id.endsWith('_string')) cost = add(cost, scale(declared(call, call.args[0]), traversal));
  return { cost };
}

function ofValidate(call: EstimatedCall): CallEstimate | undefined {
  return { cost: scale(scale(declared(call, call.args[0]), traversal), maxFormatPattern * regexFactor) };
}

function ofEquals(call: EstimatedCall): CallEstimate | undefined {
  const [left, right] = call.args;
  if (left === undefined || left.type.name !== right?.type.name) return undefined;
  switch (left.type.name) {
    case 'net.IP':
    case 'net.CIDR':
    case 'kubernetes.Quantity':
    case 'kubernetes.Semver':
      return { cost: fixed(1) };
    case 'kubernetes.NamedFormat':
      return { cost: scale(range(1, 64), traversal) };
    case 'kubernetes.URL':
      return { cost: scale(range(1, right.size?.max ?? 1), traversal) };
    default:
      return undefined;
  }
}

const named: Readonly<Record<string, Named>> = {
  ...Object.fromEntries(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'].map((name) => [name, ofElements])),
  url: ofFirst(traversal, true),
  ...Object.fromEntries(['lowerAscii', 'upperAscii', 'substring', 'trim'].map((name) => [name, ofTarget])),
  replace: ofReplace,
  split: ofSplit,
  join: ofJoin,
  find: ofFind,
  findAll: ofFind,
  ...Object.fromEntries(
    ['cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver'].map((name) => [
      name,
      ofFirst(traversal, false),
    ]),
  ),
  ip: (call) => (call.id === 'cidr_ip' ? { cost: fixed(1) } : ofFirst(traversal, false)(call)),
  'ip.isCanonical': ofFirst(2 * traversal, false),
  containsIP: ofContains,
  containsCIDR: ofContains,
  validate: ofValidate,
  'format.named': nominal,
  '_==_': ofEquals,
};

/** What Kubernetes adds. */
function kubernetesCost(call: EstimatedCall): CallEstimate | undefined {
  return Object.hasOwn(named, call.name) ? named[call.name]?.(call) : undefined;
}
