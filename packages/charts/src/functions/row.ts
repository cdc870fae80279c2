/** The shape of a template function: one row holds its signature, its documentation and its code. */

import type { Random } from '@towpath/kit';
import type { Certificate } from '../go/certificate.ts';
import type { GoTime } from '../go/time.ts';
import type { GoMap } from '../go/values.ts';
import type { RenderLimits } from '../limits.ts';

/** Go parameter types and what `run` receives for them. */
export interface ArgValues {
  string: string;
  int: number;
  uint32: number;
  float64: number;
  bool: boolean;
  'interface {}': unknown;
  'map[string]interface {}': GoMap;
  '[]interface {}': unknown[];
  'time.Time': GoTime;
  'sprig.certificate': Certificate;
  /** A builtin's operand: undefined is "no value", null a nil interface. */
  'reflect.Value': unknown;
}

export type ArgType = keyof ArgValues;
export type Parameter = ArgType | `...${ArgType}`;

type ArgsOf<Args extends readonly Parameter[]> = Args extends readonly [
  infer First,
  ...infer Rest extends readonly Parameter[],
]
  ? First extends `...${infer Type extends ArgType}`
    ? ArgValues[Type][]
    : First extends ArgType
      ? [ArgValues[First], ...ArgsOf<Rest>]
      : never
  : [];

/** What the world gives to functions: nothing else can be reached from a chart. */
export interface Services {
  readonly nowMs: () => number;
  readonly random: Random;
  readonly limits: RenderLimits;
  /** `required` and `fail` only warn. */
  readonly lint: boolean;
  readonly warn: (code: string, message: string) => void;
  /** Answers `lookup`; undefined where nothing is found. */
  readonly lookup: (apiVersion: string, kind: string, namespace: string, name: string) => unknown;
  /** The addresses of a host, none when it is not known; absent where names are not resolved. */
  readonly resolveHost?: ((host: string) => readonly string[]) | undefined;
}

/** `this` of every function. */
export interface FunctionContext {
  readonly services: Services;
  include(name: string, data: unknown): string;
  tpl(text: string, data: unknown): string;
  /** Told of values that become text: a whole number may turn into something like 1e+06. */
  printing(values: readonly unknown[]): void;
}

export interface FunctionRow {
  readonly name: string;
  /** Go types; a last one such as `...interface {}` is variadic. */
  readonly args: readonly Parameter[];
  /** As Go writes it. */
  readonly returns: string;
  /** One sentence. */
  readonly doc: string;
  /** A template and what it writes; run as a test. Absent where nothing repeatable can be shown. */
  readonly example?: readonly [template: string, output: string];
  /** Called with the arguments in Go's order; throws `FunctionError`. */
  readonly run: (this: FunctionContext, ...args: never[]) => unknown;
}

/** Checks a row's code against its signature. */
export function row<const Args extends readonly Parameter[]>(definition: {
  readonly name: string;
  readonly args: Args;
  readonly returns: string;
  readonly doc: string;
  readonly example?: readonly [template: string, output: string];
  readonly run: (this: FunctionContext, ...args: ArgsOf<Args>) => unknown;
}): FunctionRow {
  // The arguments were checked against `args` when the call was compiled.
  return definition as unknown as FunctionRow;
}
