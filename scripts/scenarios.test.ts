/** Every line of every scenario is a step; the runner names a line that is none. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const runner = fileURLToPath(new URL('../scenarios/run.mjs', import.meta.url));

/** Exit code and output of the runner, which starts nothing. */
function list(...files: string[]): { code: number | null; output: string } {
  const { status, stdout } = spawnSync(process.execPath, [runner, '--list', ...files], { encoding: 'utf8' });
  return { code: status, output: stdout };
}

function listText(text: string): { code: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'towpath-scenario-test-'));
  try {
    const file = join(folder, 'story.scenario');
    writeFileSync(file, text);
    return list(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('scenarios', () => {
  it('know all their steps', () => {
    const { code, output } = list();

    expect(code).toBe(0);
    expect(output).toMatch(/^delivery\.scenario: one push, one build/m);
  });

  it.each([
    {
      name: 'an unknown step',
      text: 'start\nscenario a\n  jump within 5s\n',
      output: 'story.scenario:3: unknown step: jump\n',
    },
    {
      name: 'no scenario',
      text: 'start\n',
      output: 'story.scenario:1: no scenario: begin one with "scenario TITLE"\n',
    },
  ])('refuses $name by file and line', ({ text, output }) => {
    expect(listText(text)).toEqual({ code: 2, output });
  });

  it('takes indented lines as the text of a step', () => {
    const { code } = listText('scenario a\n  apply\n    kind: Pod\n    spec:\n      jump: 1\n  stop\n');

    expect(code).toBe(0);
  });
});
