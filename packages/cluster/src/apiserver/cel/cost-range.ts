/** Ranges of sizes and costs: least and most, saturating where 64 bits end. */

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Stands for every number from there on. */
export const uint64Max = 2 ** 64;

export const unknown: Range = { min: 0, max: uint64Max };

export function fixed(value: number): Range {
  return { min: value, max: value };
}

export function range(min: number, max: number): Range {
  return { min, max };
}

function capped(value: number): number {
  return Math.min(value, uint64Max);
}

export function add(left: Range, right: Range): Range {
  return { min: capped(left.min + right.min), max: capped(left.max + right.max) };
}

export function times(left: Range, right: Range): Range {
  return { min: capped(left.min * right.min), max: capped(left.max * right.max) };
}

/** Multiplied by a factor and rounded up. */
export function scale(value: Range, factor: number): Range {
  return { min: capped(Math.ceil(value.min * factor)), max: capped(Math.ceil(value.max * factor)) };
}

export function union(left: Range, right: Range): Range {
  return { min: Math.min(left.min, right.min), max: Math.max(left.max, right.max) };
}
