/** The template functions of a traced render: the same code, and what each does to the origins of values. */

import { functions } from '../functions/index.ts';
import type { FunctionContext, FunctionRow } from '../functions/row.ts';
import { GoInt, isTrue, type GoMap } from '../go/values.ts';
import type { Frame } from '../template/frame.ts';
import { rememberParsed } from './parsed-values.ts';
import { printedYaml } from './printed-values.ts';
import { isContainer, type Container, type Taint } from './provenance.ts';
import { tracerOf, type Tracer } from './tracer.ts';
import type { PathKey } from './value-path.ts';

type Run = (...args: unknown[]) => unknown;

/** Runs a function and tells the tracer what became of its arguments. */
type Watch = (tracer: Tracer, args: readonly unknown[], run: Run) => unknown;

/** The rows of a traced render. */
export function tracingFunctions(): Map<string, FunctionRow> {
  return new Map([...functions].map(([name, row]) => [name, watched(row)]));
}

function watched(row: FunctionRow): FunctionRow {
  const watch = watches.get(row.name) ?? watchUse;
  const original = row.run as (this: FunctionContext, ...args: unknown[]) => unknown;
  function run(this: FunctionContext, ...args: unknown[]): unknown {
    // Functions are called on the frame that runs.
    return watch(tracerOf(this as Frame), args, (...given) => original.apply(this, given));
  }
  return { ...row, run: run as FunctionRow['run'] };
}

/** A function that uses all of what it is given. */
const watchUse: Watch = (tracer, args, run) => {
  for (const arg of args) tracer.consume(arg);
  return remember(tracer, run(...args));
};

/** A function that hands its arguments on, or only asks what they are. */
const watchPass: Watch = (tracer, args, run) => remember(tracer, run(...args));

/** A container that a function made is made of all that was read for the call. */
function remember(tracer: Tracer, result: unknown): unknown {
  if (!isContainer(result) || tracer.provenance.of(result) !== undefined) return result;
  const rest = [...new Set(tracer.read.slice(tracer.calls.at(-1)?.base ?? 0))];
  tracer.provenance.set(result, { path: undefined, keys: new Map(), rest });
  return result;
}

/** Containers made of the arguments. */
const watchDict: Watch = (tracer, args, run) => {
  const result = run(...args);
  const keys = new Map<PathKey, Taint>();
  for (let index = 0; index < args.length; index += 2) {
    const key = args[index];
    if (typeof key === 'string') keys.set(key, tracer.operandTaint(index + 1));
  }
  return made(tracer, result, keys);
};

const watchList: Watch = (tracer, args, run) =>
  made(tracer, run(...args), new Map(args.map((_arg, index) => [index, tracer.operandTaint(index)])));

function made(tracer: Tracer, result: unknown, keys: Map<PathKey, Taint>): unknown {
  tracer.provenance.set(result, { path: undefined, keys, rest: [] });
  settle(tracer, []);
  return result;
}

function settle(tracer: Tracer, taint: Taint): void {
  const record = tracer.calls.at(-1);
  if (record !== undefined) record.result = taint;
}

const watchSet: Watch = (tracer, args, run) => {
  const taint = tracer.operandTaint(2);
  const result = run(...args);
  tracer.provenance.ensure(args[0]).keys.set(String(args[1]), taint);
  settle(tracer, []);
  return result;
};

/** One item is read. */
const watchKey: Watch = (tracer, args, run) => {
  tracer.walk(args[0], [String(args[1])]);
  return run(...args);
};

const watchIndex: Watch = (tracer, args, run) => {
  const [item, ...indexes] = args;
  const keys = indexes.map((index) => (index instanceof GoInt ? Number(index.value) : String(index)));
  if (isContainer(item)) tracer.walk(item, keys);
  return run(...args);
};

const watchDig: Watch = (tracer, args, run) => {
  tracer.walk(args.at(-1), args.slice(0, -2).map(String));
  return run(...args);
};

const watchPluck: Watch = (tracer, args, run) => {
  const [key, ...maps] = args;
  const holders = maps.filter((map): map is GoMap => map instanceof Map && map.has(String(key)));
  const result = run(...args);
  const keys = holders.map((map, index): [number, Taint] => {
    return [index, tracer.provenance.child(map, String(key), map.get(String(key)))];
  });
  tracer.provenance.set(result, { path: undefined, keys: new Map(keys), rest: [] });
  return result;
};

/** The item of a list at a place counted from its beginning or, negative, from its end. */
function watchItem(at: number): Watch {
  return (tracer, args, run) => {
    const [list] = args;
    if (Array.isArray(list)) tracer.walk(list, [at < 0 ? list.length + at : at]);
    return run(...args);
  };
}

/** A copy, whole or of some keys. */
function watchCopy(of: number): Watch {
  return (tracer, args, run) => {
    const result = run(...args);
    tracer.provenance.copy(args[of], result);
    return result;
  };
}

/** Lists joined from lists, or from a list and an item: what stands where is found again by identity or place. */
function watchJoined(parts: (args: readonly unknown[], tracer: Tracer) => readonly (readonly Taint[])[]): Watch {
  return (tracer, args, run) => {
    const keys = new Map(parts(args, tracer).flat().entries());
    return made(tracer, run(...args), keys);
  };
}

function itemTaints(tracer: Tracer, list: unknown): Taint[] {
  return Array.isArray(list) ? list.map((item, index) => tracer.provenance.child(list, index, item)) : [];
}

const watchAppended = watchJoined(([list], tracer) => [itemTaints(tracer, list), [tracer.operandTaint(1)]]);
const watchPrepended = watchJoined(([list], tracer) => [[tracer.operandTaint(1)], itemTaints(tracer, list)]);

/** Source by source: who gives a key depends on what the ones before gave. */
function watchMerge(overwrite: boolean): Watch {
  return (tracer, args, run) => {
    const [target, ...sources] = args;
    if (sources.length === 0) return run(target);
    for (const source of sources) {
      if (target instanceof Map && source instanceof Map) mergeOrigins(tracer, target, source, overwrite);
      run(target, source);
    }
    settle(tracer, []);
    return target;
  };
}

/** The same decisions as `mergeInto` makes, before it makes them. */
function mergeOrigins(tracer: Tracer, target: Container, source: Container, overwrite: boolean, depth = 0): void {
  if (!(target instanceof Map && source instanceof Map) || depth > mergeDepthMax) return;
  const { provenance } = tracer;
  const { keys } = provenance.ensure(target);
  for (const [key, value] of source) {
    const existing = target.get(key);
    if (value instanceof Map && existing instanceof Map) {
      provenance.child(target, key, existing);
      mergeOrigins(tracer, existing, value, overwrite, depth + 1);
      if (existing.size > 0 || value.size > 0) continue;
    }
    const isTaken = value === null || value === undefined ? overwrite : overwrite || !isTrue(existing);
    if (isTaken) keys.set(key, provenance.child(source, key, value));
  }
}

const mergeDepthMax = 200;

const watchYaml: Watch = (tracer, args, run) => {
  const result = run(...args);
  tracer.consume(args[0]);
  if (typeof result === 'string' && isContainer(args[0])) {
    settle(tracer, [printedYaml(result, args[0], tracer.provenance)]);
  }
  return result;
};

const watchParsed: Watch = (tracer, args, run) => {
  const record = tracer.calls.at(-1);
  const taint = [...new Set(tracer.read.slice(record?.base ?? 0))];
  const result = run(...args);
  rememberParsed(result, String(args[0]), taint, tracer.provenance);
  return remember(tracer, result);
};

const passing = [
  'include tpl default coalesce ternary required fail lookup and or not len empty all any typeOf typeIs',
  'typeIsLike kindOf kindIs has mustHas unset rest mustRest initial mustInitial slice mustSlice uniq',
  'mustUniq without mustWithout compact mustCompact reverse mustReverse eq ne values',
].flatMap((line) => line.split(' '));

const watches: ReadonlyMap<string, Watch> = new Map<string, Watch>([
  ...passing.map((name): [string, Watch] => [name, watchPass]),
  ['dict', watchDict],
  ['list', watchList],
  ['tuple', watchList],
  ['set', watchSet],
  ['get', watchKey],
  ['hasKey', watchKey],
  ['index', watchIndex],
  ['dig', watchDig],
  ['pluck', watchPluck],
  ['first', watchItem(0)],
  ['mustFirst', watchItem(0)],
  ['last', watchItem(-1)],
  ['mustLast', watchItem(-1)],
  ['deepCopy', watchCopy(0)],
  ['mustDeepCopy', watchCopy(0)],
  ['pick', watchCopy(0)],
  ['omit', watchCopy(0)],
  ...['append', 'mustAppend', 'push', 'mustPush'].map((name): [string, Watch] => [name, watchAppended]),
  ...['prepend', 'mustPrepend'].map((name): [string, Watch] => [name, watchPrepended]),
  ['concat', watchJoined((lists, tracer) => lists.map((list) => itemTaints(tracer, list)))],
  ['merge', watchMerge(false)],
  ['mustMerge', watchMerge(false)],
  ['mergeOverwrite', watchMerge(true)],
  ['mustMergeOverwrite', watchMerge(true)],
  ['toYaml', watchYaml],
  ['mustToYaml', watchYaml],
  ['toYamlPretty', watchYaml],
  ['fromYaml', watchParsed],
  ['fromYamlArray', watchParsed],
]);
