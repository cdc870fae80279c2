import { expect, test } from 'vitest';
import { duplicateJsonFields, duplicateYamlSentences } from './duplicates.ts';

const rows: readonly { name: string; text: string; duplicates: readonly string[] }[] = [
  { name: 'none', text: '{"a": {"b": [1, {"c": "d,}]"}], "e": null}, "b": -1.5e3}', duplicates: [] },
  { name: 'at the top', text: '{"a":1,"a":2,"a":3}', duplicates: ['a'] },
  { name: 'in a struct', text: '{ "spec" : { "replicas":2, "x":[ ] , "replicas":3 } }', duplicates: ['spec.replicas'] },
  { name: 'in a list', text: '{"e":[{"f":1},{"f":1,"f":[]}]}', duplicates: ['e[1].f'] },
  { name: 'written with an escape', text: String.raw`{"a\"b":1,"\u0061\"b":2}`, duplicates: ['a"b'] },
  { name: 'no object', text: ' "text" ', duplicates: [] },
];

test.each(rows)('$name', ({ text, duplicates }) => {
  expect(duplicateJsonFields(text)).toEqual(duplicates);
});

test('YAML names the line', () => {
  const text = '\nspec:\n  foo: 1\n  "foo": 2\n';

  expect(duplicateYamlSentences(text)).toEqual(['line 4: key "foo" already set in map']);
});
