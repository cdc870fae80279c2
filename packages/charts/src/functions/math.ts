/** Numbers. Source: sprig, numeric.go. */

import { FunctionError } from '../errors.ts';
import { toFloat64, toInt64 } from '../go/cast.ts';
import * as decimals from '../go/decimal.ts';
import { printText } from '../go/fmt.ts';
import { fitsInt64 } from '../go/strconv.ts';
import { goInt, goInt64, taggedList, type GoInt } from '../go/values.ts';
import { guardItems } from './guard.ts';
import { row, type FunctionRow, type Services } from './row.ts';

function divide(left: unknown, right: unknown, operate: (a: bigint, b: bigint) => bigint): GoInt {
  const divisor = toInt64(right);
  if (divisor === 0n) throw new FunctionError('runtime error: integer divide by zero');
  return goInt64(operate(toInt64(left), divisor));
}

function extreme(first: unknown, others: readonly unknown[], isMore: boolean): GoInt {
  const all = [first, ...others].map(toInt64);
  return goInt64(all.reduce((best, value) => (value > best === isMore && value !== best ? value : best)));
}

type Operation = (left: decimals.Decimal, right: decimals.Decimal) => decimals.Decimal;

function decimal(first: unknown, others: readonly unknown[], operate: Operation): number {
  const start = decimals.toDecimal(toFloat64(first));
  return decimals.toNumber(
    others.reduce<decimals.Decimal>((sum, value) => operate(sum, decimals.toDecimal(toFloat64(value))), start),
  );
}

function steps(services: Services, range: { start: number; stop: number; step: number }): number[] {
  const { start, stop, step } = range;
  const isDown = stop < start;
  if (isDown ? step >= 0 : step <= 0) return [];
  guardItems(services, Math.abs((stop - start) / step));
  const numbers: number[] = [];
  for (let value = start; isDown ? value > stop : value < stop; value += step) numbers.push(value);
  return numbers;
}

function intList(numbers: readonly number[]): unknown[] {
  return taggedList({ elem: 'int' }, numbers.map(goInt));
}

function sequence(services: Services, params: readonly number[]): string {
  const [first = 0, second = 0, third = 0] = params;
  let range: { start: number; stop: number; step: number };
  switch (params.length) {
    case 1:
      range = { start: 1, stop: first + (first < 1 ? -1 : 1), step: first < 1 ? -1 : 1 };
      break;
    case 2: {
      const step = second < first ? -1 : 1;
      range = { start: first, stop: second + step, step };
      break;
    }
    case 3: {
      const isDown = third < first;
      if (isDown && second > 0) return '';
      range = { start: first, stop: third + (isDown ? -1 : 1), step: second };
      break;
    }
    default:
      return '';
  }
  return steps(services, range).join(' ');
}

function round(value: unknown, places: number, roundOn: number): number {
  const power = 10 ** places;
  const digit = power * toFloat64(value);
  const fraction = digit % 1;
  return (fraction >= roundOn ? Math.ceil(digit) : Math.floor(digit)) / power;
}

function parseOctal(value: unknown): GoInt {
  const text = printText(value);
  if (!/^[+-]?[0-7]+$/.test(text)) return goInt64(0);
  const parsed = BigInt(`0o${text.replace(/^[+-]/, '')}`);
  const signed = text.startsWith('-') ? -parsed : parsed;
  return goInt64(fitsInt64(signed) ? signed : 0);
}

const any = 'interface {}';
const anys = '...interface {}';

export const math: readonly FunctionRow[] = [
  row({
    name: 'int',
    args: [any],
    returns: 'int',
    doc: 'The argument as a whole number, 0 for what is none.',
    example: ['{{ int "0x1f" }} {{ int 1.9 }}', '31 1'],
    run: (value) => goInt(toInt64(value)),
  }),
  row({
    name: 'int64',
    args: [any],
    returns: 'int64',
    doc: 'The argument as a 64-bit whole number, 0 for what is none.',
    example: ['{{ int64 "12" }}', '12'],
    run: (value) => goInt64(toInt64(value)),
  }),
  row({
    name: 'float64',
    args: [any],
    returns: 'float64',
    doc: 'The argument as a floating-point number, 0 for what is none.',
    example: ['{{ float64 "1.5" }}', '1.5'],
    run: toFloat64,
  }),
  row({
    name: 'atoi',
    args: ['string'],
    returns: 'int',
    doc: 'A decimal text as a whole number, 0 for what is none.',
    example: ['{{ atoi "042" }}', '42'],
    run: (text) => {
      if (!/^[+-]?[0-9]+$/.test(text)) return goInt(0);
      const value = BigInt(text.replace(/^\+/, ''));
      if (fitsInt64(value)) return goInt(value);
      return goInt(value > 0n ? 2n ** 63n - 1n : -(2n ** 63n));
    },
  }),
  row({
    name: 'toDecimal',
    args: [any],
    returns: 'int64',
    doc: 'Reads octal digits, 0 for what are none.',
    example: ['{{ toDecimal "0777" }}', '511'],
    run: parseOctal,
  }),
  row({
    name: 'add',
    args: [anys],
    returns: 'int64',
    doc: 'The sum of whole numbers.',
    example: ['{{ add 1 2 3 }}', '6'],
    run: (...values) => goInt64(values.reduce<bigint>((sum, value) => sum + toInt64(value), 0n)),
  }),
  row({
    name: 'add1',
    args: [any],
    returns: 'int64',
    doc: 'One more.',
    example: ['{{ add1 1 }}', '2'],
    run: (value) => goInt64(toInt64(value) + 1n),
  }),
  row({
    name: 'sub',
    args: [any, any],
    returns: 'int64',
    doc: 'The difference of whole numbers.',
    example: ['{{ sub 3 1 }}', '2'],
    run: (left, right) => goInt64(toInt64(left) - toInt64(right)),
  }),
  row({
    name: 'mul',
    args: [any, anys],
    returns: 'int64',
    doc: 'The product of whole numbers.',
    example: ['{{ mul 2 3 4 }}', '24'],
    run: (first, ...others) =>
      goInt64(others.reduce<bigint>((product, value) => BigInt.asIntN(64, product * toInt64(value)), toInt64(first))),
  }),
  row({
    name: 'div',
    args: [any, any],
    returns: 'int64',
    doc: 'The quotient of whole numbers, cut towards zero.',
    example: ['{{ div 7 2 }}', '3'],
    run: (left, right) => divide(left, right, (a, b) => a / b),
  }),
  row({
    name: 'mod',
    args: [any, any],
    returns: 'int64',
    doc: 'The remainder of a division of whole numbers.',
    example: ['{{ mod 7 2 }}', '1'],
    run: (left, right) => divide(left, right, (a, b) => a % b),
  }),
  ...(['max', 'biggest'] as const).map((name) =>
    row({
      name,
      args: [any, anys],
      returns: 'int64',
      doc: 'The largest whole number.',
      example: [`{{ ${name} 1 3 2 }}`, '3'],
      run: (first, ...others) => extreme(first, others, true),
    }),
  ),
  row({
    name: 'min',
    args: [any, anys],
    returns: 'int64',
    doc: 'The smallest whole number.',
    example: ['{{ min 3 1 2 }}', '1'],
    run: (first, ...others) => extreme(first, others, false),
  }),
  row({
    name: 'addf',
    args: [anys],
    returns: 'float64',
    doc: 'The sum of decimal numbers.',
    example: ['{{ addf 0.1 0.2 }}', '0.3'],
    run: (...values) => decimal(0, values, decimals.addDecimals),
  }),
  row({
    name: 'add1f',
    args: [any],
    returns: 'float64',
    doc: 'One more.',
    example: ['{{ add1f 1.5 }}', '2.5'],
    run: (value) => decimal(value, [1], decimals.addDecimals),
  }),
  row({
    name: 'subf',
    args: [any, anys],
    returns: 'float64',
    doc: 'The difference of decimal numbers.',
    example: ['{{ subf 7.5 2 3 }}', '2.5'],
    run: (first, ...others) => decimal(first, others, decimals.subtractDecimals),
  }),
  row({
    name: 'mulf',
    args: [any, anys],
    returns: 'float64',
    doc: 'The product of decimal numbers.',
    example: ['{{ mulf 1.5 2 }}', '3'],
    run: (first, ...others) => decimal(first, others, decimals.multiplyDecimals),
  }),
  row({
    name: 'divf',
    args: [any, anys],
    returns: 'float64',
    doc: 'The quotient of decimal numbers, to 16 digits after the point.',
    example: ['{{ divf 1 3 }}', '0.3333333333333333'],
    run: (first, ...others) => decimal(first, others, decimals.divideDecimals),
  }),
  row({
    name: 'maxf',
    args: [any, anys],
    returns: 'float64',
    doc: 'The largest number.',
    example: ['{{ maxf 1 2.5 }}', '2.5'],
    run: (first, ...others) => Math.max(toFloat64(first), ...others.map(toFloat64)),
  }),
  row({
    name: 'minf',
    args: [any, anys],
    returns: 'float64',
    doc: 'The smallest number.',
    example: ['{{ minf 1.5 2 }}', '1.5'],
    run: (first, ...others) => Math.min(toFloat64(first), ...others.map(toFloat64)),
  }),
  row({
    name: 'ceil',
    args: [any],
    returns: 'float64',
    doc: 'The next whole number up.',
    example: ['{{ ceil 1.2 }}', '2'],
    run: (value) => Math.ceil(toFloat64(value)),
  }),
  row({
    name: 'floor',
    args: [any],
    returns: 'float64',
    doc: 'The next whole number down.',
    example: ['{{ floor 1.8 }}', '1'],
    run: (value) => Math.floor(toFloat64(value)),
  }),
  row({
    name: 'round',
    args: [any, 'int', '...float64'],
    returns: 'float64',
    doc: 'Rounds to places after the point; from which fraction on it goes up may be given.',
    example: ['{{ round 2.345 2 }}', '2.35'],
    run: (value, places, roundOn = 0.5) => round(value, places, roundOn),
  }),
  row({
    name: 'until',
    args: ['int'],
    returns: '[]int',
    doc: 'The numbers from 0 up to, not including, the argument.',
    example: ['{{ until 3 }}', '[0 1 2]'],
    run(count) {
      return intList(steps(this.services, { start: 0, stop: count, step: count < 0 ? -1 : 1 }));
    },
  }),
  row({
    name: 'untilStep',
    args: ['int', 'int', 'int'],
    returns: '[]int',
    doc: 'The numbers from start up to, not including, stop, by steps.',
    example: ['{{ untilStep 3 9 2 }}', '[3 5 7]'],
    run(start, stop, step) {
      return intList(steps(this.services, { start, stop, step }));
    },
  }),
  row({
    name: 'seq',
    args: ['...int'],
    returns: 'string',
    doc: 'Numbers as the shell command seq writes them, on one line.',
    example: ['{{ seq 1 2 7 }}', '1 3 5 7'],
    run(...params) {
      return sequence(this.services, params);
    },
  }),
];
