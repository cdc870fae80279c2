/** Layers: the same files give the same bytes, in any order. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeLayer, type LayerEntry } from './layer.ts';

it('does not depend on the order of the entries', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'towpath-layer-'));
  const entries: LayerEntry[] = [
    { type: 'directory', path: 'app' },
    { type: 'file', path: 'app/b.js', content: Buffer.from('b') },
    { type: 'file', path: 'app/a.js', content: Buffer.from('a'), mode: 0o755 },
    { type: 'symlink', path: 'app/c.js', target: 'a.js' },
    { type: 'file', path: `app/${'long'.repeat(40)}.js`, content: Buffer.alloc(100_000) },
  ];

  const first = await writeLayer(entries, join(folder, '1.tar'));
  const second = await writeLayer(entries.toReversed(), join(folder, '2.tar'));

  await rm(folder, { recursive: true });
  expect(second.digest).toBe(first.digest);
  expect(first.sizeBytes % 512).toBe(0);
});
