/** `durability`: nothing acknowledged is lost, whatever happens to the process, the file and the disk. */

import { parseArgs } from 'node:util';
import { TowpathError } from '@towpath/kit';
import type { Suite } from '../suite.ts';
import { buildProgram } from './api-process.ts';
import { runDamage } from './damage.ts';
import { runFullDisk } from './full-disk.ts';
import { runKills } from './kills.ts';
import { runTrace } from './trace.ts';

interface PartOptions {
  readonly program: () => string;
  readonly kills: number;
  readonly damages: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

type Part = (options: PartOptions) => Promise<number | { readonly missing: string }>;

const parts: Readonly<Record<string, Part>> = {
  damage: ({ damages, seed, print }) => runDamage({ count: damages, seed, print }),
  'full-disk': ({ program, print }) => runFullDisk({ program: program(), print }),
  trace: ({ program, print }) => runTrace({ program: program(), print }),
  kills: ({ program, kills, seed, print }) => runKills({ program: program(), kills, seed, print }),
};

export const durability: Suite = {
  name: 'durability',
  summary: `${Object.keys(parts).join(', ')} or all [PART…] [--kills N] [--damages N] [--seed S] [--program FILE]`,
  async run(args, print) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        kills: { type: 'string', default: '500' },
        damages: { type: 'string', default: '2000' },
        seed: { type: 'string', default: '1' },
        program: { type: 'string' },
      },
    });
    let built = values.program;
    const options: PartOptions = {
      program: () => (built ??= buildProgram()),
      kills: wholeNumber('kills', values.kills),
      damages: wholeNumber('damages', values.damages),
      seed: wholeNumber('seed', values.seed),
      print,
    };
    const chosen = positionals.length === 0 ? Object.keys(parts) : positionals;
    const unknown = chosen.find((name) => parts[name] === undefined);
    if (unknown !== undefined) {
      print(`durability has no part ${unknown}: choose from ${Object.keys(parts).join(', ')}`);
      return { passed: 0, failed: 0, skipped: 0, code: 2 };
    }
    const counts = { passed: 0, failed: 0, skipped: 0 };
    for (const name of chosen) {
      const result = await parts[name]?.(options);
      if (result === 0) counts.passed++;
      else if (typeof result === 'number') counts.failed++;
      else if (result !== undefined) {
        counts.skipped++;
        print(`${name}: skipped, which is not passed: it needs ${result.missing}`);
      }
    }
    const { passed, failed, skipped } = counts;
    print(`durability: ${passed} parts passed, ${failed} failed, ${skipped} skipped`);
    return { ...counts, code: failed + skipped === 0 ? 0 : 1 };
  },
};

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new TowpathError('USAGE', `--${name} ${text} is no whole number`, { next: 'give a number' });
}
