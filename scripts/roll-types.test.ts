/** The roll-up keeps what the entry reaches, and refuses what it cannot say in one file. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { rollTypes } from './roll-types.mjs';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function roll(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'roll-types-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return rollTypes({ entry: join(folder, 'index.d.ts'), packages: { '@us/kit': join(folder, 'kit', 'index.d.ts') } });
}

test('what is reached is in, public names are exported, packages of ours are inlined', () => {
  const text = roll({
    'index.d.ts':
      "/** The entry. */\nexport { make, type Shape } from './shape.ts';\nexport type { Clock } from '@us/kit';\n",
    'shape.d.ts':
      "/** Shapes. */\nimport type { Clock } from '@us/kit';\n/** A shape. */\nexport interface Shape {\n    /** Its side. */\n    side: Length;\n}\n" +
      'type Length = number;\nexport interface Unused {\n}\n/** One way. */\nexport declare function make(clock: Clock): Shape;\n' +
      'export declare function make(side: number): Shape;\nexport {};\n',
    'kit/index.d.ts': "export { type Clock } from './clock.ts';\n",
    'kit/clock.d.ts': 'export interface Clock {\n    nowMs(): number;\n}\n',
  });

  expect(text).toBe(
    '/** One way. */\nexport declare function make(clock: Clock): Shape;\nexport declare function make(side: number): Shape;\n\n' +
      'export interface Clock {\n    nowMs(): number;\n}\n\n' +
      '/** A shape. */\nexport interface Shape {\n    /** Its side. */\n    side: Length;\n}\n\ntype Length = number;\n\nexport {};\n',
  );
});

test('a list of names may be shared by several entries', () => {
  const text = roll({
    'index.d.ts': "export * from './shared.ts';\nexport declare const own: number;\n",
    'shared.d.ts': "export type { Shape } from './shape.ts';\n",
    'shape.d.ts': 'export interface Shape {\n}\n',
  });

  expect(text).toBe('export interface Shape {\n}\n\nexport declare const own: number;\n\nexport {};\n');
});

test.each([
  {
    name: 'a list that declares something itself',
    files: { 'index.d.ts': "export * from './a.ts';\n", 'a.d.ts': 'export declare const a: number;\n' },
    says: /\.\/a\.ts declares something/,
  },
  {
    name: 'a type of another package',
    files: { 'index.d.ts': "import type { Far } from 'far';\nexport declare const far: Far;\n" },
    says: /need Far of far/,
  },
  {
    name: 'two declarations of one name',
    files: {
      'index.d.ts': "export { a } from './a.ts';\nexport { b } from './b.ts';\n",
      'a.d.ts': 'interface Same {\n}\nexport declare const a: Same;\n',
      'b.d.ts': 'interface Same {\n}\nexport declare const b: Same;\n',
    },
    says: /two declarations of Same/,
  },
  {
    name: 'a name that nothing declares',
    files: { 'index.d.ts': "export { a } from './a.ts';\n", 'a.d.ts': 'export {};\n' },
    says: /nothing declares a/,
  },
])('$name is refused', ({ files, says }) => {
  expect(() => roll(files)).toThrow(says);
});
