/** The published package, tried from outside: see try-package.mjs. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const timeoutMs = 240_000;

test(
  'a project outside the repository installs, compiles and renders',
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'scripts', 'try-package.mjs')]);

    expect(stdout).toContain('installed offline: one package');
    expect(stdout).toMatch(/rendered in Chromium: the same bytes|not tried in a browser: no Chromium/);
  },
  timeoutMs,
);
