/** The values templates compute with: JavaScript's own where Go's kind is clear, boxes where it is not. */

/** `map[string]interface {}`; every other map type is a subclass. */
export type GoMap = Map<string, unknown>;
