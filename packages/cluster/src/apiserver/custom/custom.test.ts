/** Structural schemas: pruning, defaults, validation and rules. */

import { describe, expect, it } from 'vitest';
import { applySchemaDefaults } from './defaults.ts';
import type { JsonSchema } from './json-schema.ts';
import { pruneObject } from './prune.ts';
import { ruleProblems } from './rule-problems.ts';
import { compileRules } from './rules.ts';
import { validateValue } from './validate.ts';

const text: JsonSchema = { type: 'string' };

describe('pruneObject', () => {
  it('removes unknown members and tells their paths', () => {
    const schema: JsonSchema = {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: {
            a: text,
            list: { type: 'array', items: { type: 'object', properties: { x: text } } },
            map: { type: 'object', additionalProperties: { type: 'object', properties: { y: text } } },
            free: {
              type: 'object',
              'x-kubernetes-preserve-unknown-fields': true,
              properties: { z: { type: 'object' } },
            },
          },
        },
      },
    };
    const object = {
      apiVersion: 'x/v1',
      kind: 'X',
      metadata: { name: 'x' },
      more: 1,
      spec: { a: '1', b: '2', list: [{ x: '1', w: '2' }], map: { k: { y: '1', w: '2' } }, free: { q: 1, z: { w: 1 } } },
    };
    const removed = pruneObject(object, schema);

    expect(removed.sort()).toEqual(['more', 'spec.b', 'spec.free.z.w', 'spec.list[0].w', 'spec.map.k.w']);
    expect(object).toEqual({
      apiVersion: 'x/v1',
      kind: 'X',
      metadata: { name: 'x' },
      spec: { a: '1', list: [{ x: '1' }], map: { k: { y: '1' } }, free: { q: 1, z: {} } },
    });
  });
});

describe('applySchemaDefaults', () => {
  it('fills nested defaults where their parent is there', () => {
    const schema: JsonSchema = {
      type: 'object',
      properties: {
        a: { type: 'object', default: {}, properties: { b: { type: 'integer', default: 1 } } },
        c: { type: 'object', properties: { d: { type: 'string', default: 'x' } } },
        e: { type: 'string', default: 'y' },
      },
    };
    const object = { e: null };
    applySchemaDefaults(object, schema);

    expect(object).toEqual({ a: { b: 1 }, e: 'y' });
  });

  it('drops nulls that are not allowed, in lists and maps too', () => {
    const text: JsonSchema = { type: 'string' };
    const schema: JsonSchema = {
      type: 'object',
      properties: {
        list: { type: 'array', items: { type: 'object', properties: { at: text, open: { ...text, nullable: true } } } },
        map: { type: 'object', additionalProperties: text },
      },
    };
    const object = { list: [{ at: null, open: null }], map: { a: null, b: 'c' }, unknown: null };
    applySchemaDefaults(object, schema);

    expect(object).toEqual({ list: [{ open: null }], map: { b: 'c' }, unknown: null });
  });
});

const cases: { name: string; schema: JsonSchema; value: unknown; want: string[] }[] = [
  {
    name: 'a wrong type',
    schema: { type: 'integer' },
    value: 'x',
    want: ['Invalid value: "string": p in body must be of type integer: "string"'],
  },
  {
    name: 'a null',
    schema: text,
    value: null,
    want: ['Invalid value: "null": p in body must be of type string: "null"'],
  },
  { name: 'an allowed null', schema: { type: 'string', nullable: true }, value: null, want: [] },
  {
    name: 'a member that is required',
    schema: { type: 'object', required: ['a'] },
    value: {},
    want: ['Required value'],
  },
  {
    name: 'a value outside an enum',
    schema: { type: 'string', enum: ['b', 'a'] },
    value: 'c',
    want: ['Unsupported value: "c": supported values: "b", "a"'],
  },
  {
    name: 'a minimum',
    schema: { type: 'integer', minimum: 1 },
    value: 0,
    want: ['Invalid value: 0: p in body should be greater than or equal to 1'],
  },
  {
    name: 'a pattern',
    schema: { type: 'string', pattern: '^a+$' },
    value: 'b',
    want: [`Invalid value: "b": p in body should match '^a+$'`],
  },
  { name: 'an int or a string', schema: { 'x-kubernetes-int-or-string': true }, value: '25%', want: [] },
  {
    name: 'duplicate keys of a list',
    schema: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['n'],
      items: { type: 'object' },
    },
    value: [{ n: 1 }, { n: 1 }],
    want: ['Duplicate value: {"n":1}'],
  },
  {
    name: 'exactly one of',
    schema: { oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    value: { a: 1, b: 1 },
    want: [
      'Invalid value: {"a":1,"b":1}: p in body must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ],
  },
];

describe('validateValue', () => {
  it.each(cases)('$name', ({ schema, value, want }) => {
    expect(validateValue(value, schema, 'p').map((found) => found.message)).toEqual(want);
  });
});

describe('rules', () => {
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        'x-kubernetes-validations': [
          { rule: 'self.min <= self.max', message: 'min must not be above max' },
          { rule: 'self.min >= oldSelf.min', messageExpression: '"min was " + string(oldSelf.min)' },
          { rule: '!has(self.names) || self.names.all(n, n.startsWith("a"))' },
        ],
        properties: { min: { type: 'integer' }, max: { type: 'integer' }, names: { type: 'array', items: text } },
      },
    },
  };
  const check = compileRules(schema);

  it.each([
    { name: 'holds', object: { min: 1, max: 2 }, old: undefined, want: [] },
    {
      name: 'fails with its message',
      object: { min: 3, max: 2 },
      old: undefined,
      want: ['Invalid value: "object": min must not be above max'],
    },
    {
      name: 'compares with the past',
      object: { min: 1, max: 2 },
      old: { min: 2, max: 2 },
      want: ['Invalid value: "object": min was 2'],
    },
    {
      name: 'quotes itself without a message',
      object: { min: 1, max: 2, names: ['b'] },
      old: undefined,
      want: ['Invalid value: "object": failed rule: !has(self.names) || self.names.all(n, n.startsWith("a"))'],
    },
  ])('$name', ({ object, old, want }) => {
    const { causes } = check({ spec: object }, old === undefined ? undefined : { spec: old });

    expect(causes.map((found) => found.message)).toEqual(want);
  });

  it('stop when they cost too much', () => {
    const pairs = 'self.all(x, self.all(y, x + y < 99999))';
    const list: JsonSchema = {
      type: 'array',
      maxItems: 700,
      items: { type: 'integer' },
      'x-kubernetes-validations': [{ rule: pairs }, { rule: 'false' }],
    };
    const numbers = compileRules({ type: 'object', properties: { spec: list } });

    const { causes } = numbers({ spec: Array.from({ length: 700 }, (_none, index) => index) }, undefined);

    expect(causes.map((found) => found.message)).toEqual([
      `Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${pairs}`,
    ]);
  });

  it('only warn of what was wrong before and did not change', () => {
    const even: JsonSchema = { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self % 2 == 0' }] };
    const pair = compileRules({ type: 'object', properties: { a: even, b: even } });

    expect(pair({ a: 1, b: 4 }, { a: 1, b: 2 })).toMatchObject({
      causes: [],
      warnings: ['a: Invalid value: "integer": failed rule: self % 2 == 0'],
    });
  });

  it('are refused when they cannot be compiled', () => {
    const broken: JsonSchema = {
      type: 'object',
      'x-kubernetes-validations': [{ rule: 'self.a ==' }, { rule: 'jsonpatch.escapeKey("a/b") == "x"' }],
    };

    expect(ruleProblems(broken, 'schema').map((found) => found.message)).toEqual([
      expect.stringContaining('compilation failed: ERROR: <input>:1:10: Syntax error: mismatched input'),
      expect.stringContaining(`undeclared reference to 'jsonpatch'`),
    ]);
  });
});
