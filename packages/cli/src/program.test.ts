import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const program = `
  import { Command } from '@commander-js/extra-typings';
  import { runProgram } from './program.ts';
  const load = async () => (context) => new Command('print').action(() => context.stdout('x'.repeat(1_000_000)));
  void runProgram({ args: ['print'], table: [{ name: 'print', load }], env: {}, cwd: '/', program: '', connect: () => {} });
`;

it('ends only when a slow reader of its pipe has everything', async () => {
  const src = fileURLToPath(new URL('.', import.meta.url));
  // Below node_modules, so that packages left outside the bundle are found.
  const folder = await mkdtemp(join(src, '../../../node_modules/.program-test-'));
  try {
    const outfile = join(folder, 'print.mjs');
    const options = { bundle: true, platform: 'node', format: 'esm', packages: 'external' } as const;
    await build({
      ...options,
      stdin: { contents: program, resolveDir: src, loader: 'ts' },
      outfile,
      alias: ownPackages(src),
    });
    const child = spawn(process.execPath, [outfile], { stdio: ['ignore', 'pipe', 'inherit'] });
    let length = 0;
    for await (const chunk of child.stdout) length += (chunk as Buffer).length;

    expect(length).toBe(1_000_000);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Node cannot import them: they are TypeScript. */
function ownPackages(src: string): Record<string, string> {
  return Object.fromEntries(
    ['kit', 'runtime', 'api'].map((name) => [`@towpath/${name}`, join(src, `../../${name}/src/index.ts`)]),
  );
}
