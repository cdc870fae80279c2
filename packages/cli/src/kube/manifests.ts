/** Reads manifests named on the command line: files, folders, `-` for standard input. */

import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { AnyObject } from '@towpath/api';
import { isRecord, messageOf, parseAllYaml, TowpathError } from '@towpath/kit';
import type { CliContext } from '../context.ts';

/** Lists are flattened. Throws `MANIFEST_INVALID` or `YAML_INVALID`, naming the file. */
export async function readManifests(context: CliContext, files: readonly string[]): Promise<AnyObject[]> {
  const objects: AnyObject[] = [];
  for (const file of files) {
    for (const source of await sourcesOf(context, file)) {
      const values = parseAllYaml(source.text, { file: source.file });
      for (const value of values) objects.push(...flatten(value, source.file));
    }
  }
  return objects;
}

async function sourcesOf(context: CliContext, file: string): Promise<{ file: string; text: string }[]> {
  if (file === '-') return [{ file: 'standard input', text: await context.readStdin() }];
  const path = resolve(context.cwd, file);
  try {
    if (!(await stat(path)).isDirectory()) return [{ file, text: await readFile(path, 'utf8') }];
    const names = (await readdir(path)).filter((name) => /\.(ya?ml|json)$/.test(name)).toSorted();
    return await Promise.all(
      names.map(async (name) => ({ file: join(file, name), text: await readFile(join(path, name), 'utf8') })),
    );
  } catch (error) {
    throw new TowpathError('MANIFEST_INVALID', `${file} cannot be read: ${messageOf(error)}`, {
      next: 'check the path',
      cause: error,
    });
  }
}

function flatten(value: unknown, file: string): AnyObject[] {
  if (!isRecord(value)) throw new TowpathError('MANIFEST_INVALID', `${file}: a manifest must be an object`);
  if (typeof value['kind'] === 'string' && value['kind'].endsWith('List') && Array.isArray(value['items'])) {
    return value['items'].flatMap((item) => flatten(item, file));
  }
  const metadata = value['metadata'];
  const named =
    isRecord(metadata) && (typeof metadata['name'] === 'string' || typeof metadata['generateName'] === 'string');
  if (typeof value['apiVersion'] !== 'string' || typeof value['kind'] !== 'string' || !named) {
    throw new TowpathError('MANIFEST_INVALID', `${file}: apiVersion, kind and metadata.name are required`, {
      next: 'add what is missing',
    });
  }
  // Checked above: the three members every object has.
  return [value as AnyObject];
}
