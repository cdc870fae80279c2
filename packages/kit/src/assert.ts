/** Assertions: a failed one is a bug in Towpath, never bad input. */

/** Thrown when an assertion fails. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Stops the work when `condition` does not hold. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(`bug: ${message}`);
}

/** Returns `value`, which must be present. */
export function present<Value>(value: Value | undefined | null, what: string): Value {
  assert(value !== undefined && value !== null, `${what} is absent`);
  return value;
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`bug: unexpected value ${JSON.stringify(value)}`);
}
