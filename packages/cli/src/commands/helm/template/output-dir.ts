/** `--output-dir`: what each template rendered, in a file of its own. */

import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { RenderResult } from '@towpath/charts';
import { TowpathError } from '@towpath/kit';
import type { CliContext } from '../../../context.ts';
import type { TemplateFlags } from './flags.ts';

/** Writes CRDs, manifests and hooks, and says so; hooks of one template follow its objects. Source: helm 3 pkg/action. */
export async function writeOutputDir(
  context: CliContext,
  result: RenderResult,
  options: { flags: TemplateFlags; folder: string; name: string },
): Promise<void> {
  const { flags, folder, name } = options;
  // CRDs are never below the release's name: helm has it so.
  const ownFolder = flags.releaseName === true ? join(folder, name) : folder;
  const written = new Set<string>();
  const write = async (root: string, path: string, text: string): Promise<void> => {
    const shown = `${root}/${path}`;
    const file = resolve(context.cwd, root, path);
    if (!file.startsWith(`${resolve(context.cwd, root)}/`)) {
      throw new TowpathError('OUTPUT_DIR', `the template path ${path} leaves ${root}`, { next: 'correct the chart' });
    }
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await (written.has(file) ? appendFile : writeFile)(file, `---\n# Source: ${path}\n${text}\n`);
    written.add(file);
    context.stdout(`wrote ${shown}\n`);
  };
  if (flags.includeCrds === true) for (const crd of result.crds) await write(folder, crd.filename, crd.text);
  for (const { path, text } of result.manifests) await write(ownFolder, path, text);
  if (!flags.hooks) return;
  for (const hook of result.hooks) {
    if (flags.skipTests === true && hook.events.includes('test')) continue;
    await write(ownFolder, hook.path, hook.manifest);
  }
}
