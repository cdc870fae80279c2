/** States as signs that differ in shape as well as colour. */

import type { Level, StageState } from '../../src/model.ts';

const signs: Readonly<Record<Level | StageState, readonly [character: string, words: string]>> = {
  good: ['✓', 'good'],
  busy: ['●', 'at work'],
  bad: ['✕', 'failed'],
  done: ['✓', 'done'],
  running: ['●', 'running'],
  failed: ['✕', 'failed'],
  waiting: ['○', 'to come'],
  skipped: ['–', 'not needed'],
};

export function Sign({ level }: { level: Level | StageState }) {
  const [character, words] = signs[level];
  return (
    <span class={`sign ${level}`} role="img" aria-label={words}>
      {character}
    </span>
  );
}
