/** Starts quick.js with the code that V8 made of it at build, for the commands it has; else the whole program. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { isQuick } from './quick-commands.ts';
import type { runQuick } from './quick.ts';

/** The V8 that made the code, and its settings for a short life; written down by scripts/build-quick.mjs. */
declare const codeMadeBy: { readonly v8: string; readonly flags: readonly string[] };

/** What quick.js evaluates to: a CommonJS module in its function. */
type QuickModule = (module: { exports: { runQuick?: typeof runQuick } }, load: NodeJS.Require) => void;

const args = process.argv.slice(2);
if (isQuick(args)) loadQuick()?.({ args, program: __filename, startWhole });
else startWhole();

function loadQuick(): typeof runQuick | undefined {
  const file = join(__dirname, 'quick.js');
  // It is ASCII: each byte is a character, and no character takes two.
  const script = new Script(readFileSync(file, 'latin1'), { filename: file, cachedData: readCode(`${file}.code`) });
  const quick: Parameters<QuickModule>[0] = { exports: {} };
  (script.runInThisContext() as QuickModule)(quick, require);
  return quick.exports.runQuick;
}

/** Undefined when the build made none. Another V8 would refuse it, and may not know the settings: it compiles as usual. */
function readCode(file: string): Buffer | undefined {
  if (process.versions.v8 !== codeMadeBy.v8) return undefined;
  for (const flag of codeMadeBy.flags) setFlagsFromString(flag);
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function startWhole(): void {
  const file = './main.mjs';
  void import(file);
}
