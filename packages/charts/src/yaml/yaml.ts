/** YAML as Helm's templates read and write it. */

/** Writes as the template function `toYaml`: sorted keys, go-yaml's quoting, no final newline. */
export function toYaml(_value: unknown): string {
  throw new Error('not yet');
}

/** Reads as Helm reads values: YAML 1.1 scalars, first document only. Throws `YAML_INVALID` with go-yaml's sentence. */
export function fromYaml(_text: string, _options: { readonly file?: string } = {}): unknown {
  throw new Error('not yet');
}
