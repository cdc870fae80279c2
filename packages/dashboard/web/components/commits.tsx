/** One row per commit: from the push to the canary, with how long each step took. */

import type { CommitRow, Stage } from '../../src/model.ts';
import { formatAge, formatDuration } from '../format.ts';
import { nowMs } from '../store.ts';
import { Section } from './section.tsx';
import { Sign } from './sign.tsx';

export function Commits({ rows }: { rows: readonly CommitRow[] }) {
  return (
    <Section id="commits" title="Commits">
      {rows.length === 0 ? (
        <p class="empty">Nothing has been pushed yet. Push a commit and it appears here at once.</p>
      ) : (
        <ol class="commits">
          {rows.map((row) => (
            <Commit key={row.commit} row={row} />
          ))}
        </ol>
      )}
    </Section>
  );
}

function Commit({ row }: { row: CommitRow }) {
  return (
    <li>
      <div class="commit-head">
        <code>{row.commit.slice(0, 7)}</code> <span class="ref">{row.ref}</span>
        {row.imageTag !== undefined && <span class="tag">{row.imageTag}</span>}
        <span class="quiet">
          {row.repository}, {formatAge(row.startedAt, nowMs.value)}
        </span>
      </div>
      <ol class="stages">
        {row.stages.map((stage) => (
          <StageItem key={stage.name} stage={stage} />
        ))}
      </ol>
    </li>
  );
}

function StageItem({ stage }: { stage: Stage }) {
  const duration = durationOf(stage);
  return (
    <li class={`stage ${stage.state}`} aria-current={stage.state === 'running' ? 'step' : undefined}>
      <span class="stage-name">
        <Sign level={stage.state} /> {stage.name}
      </span>
      <span class="stage-text">{stage.text}</span>
      {duration !== undefined && <span class="stage-time">{formatDuration(duration)}</span>}
    </li>
  );
}

/** How long a step took, or has taken so far. */
function durationOf({ name, state, startedAtMs, endedAtMs }: Stage): number | undefined {
  if (startedAtMs === undefined || name === 'commit') return undefined;
  if (state === 'running') return Math.max(0, nowMs.value - startedAtMs);
  return endedAtMs === undefined ? undefined : Math.max(0, endedAtMs - startedAtMs);
}
