/** What happened last, and what it means. */

import { useSignal } from '@preact/signals';
import type { EventRow } from '../../src/model.ts';
import { formatAge } from '../format.ts';
import { nowMs } from '../store.ts';
import { Section } from './section.tsx';

export function Events({ rows }: { rows: readonly EventRow[] }) {
  const warningsOnly = useSignal(false);
  const shown = warningsOnly.value ? rows.filter(({ warning }) => warning) : rows;
  return (
    <Section id="events" title="Events">
      <label class="filter">
        <input
          type="checkbox"
          checked={warningsOnly.value}
          onChange={(event) => (warningsOnly.value = event.currentTarget.checked)}
        />{' '}
        warnings only
      </label>
      {shown.length === 0 ? (
        <p class="empty">{warningsOnly.value ? 'No warnings.' : 'Nothing has happened yet.'}</p>
      ) : (
        <ol class="events">
          {shown.map((row) => (
            <Item key={row.id} row={row} />
          ))}
        </ol>
      )}
    </Section>
  );
}

function Item({ row }: { row: EventRow }) {
  return (
    <li class={row.warning ? 'warning' : ''}>
      <div class="event-head">
        <span class="event-kind">{row.warning ? '⚠ Warning' : 'Normal'}</span> <code>{row.object}</code>
        <span class="quiet">
          {row.namespace === '' ? '' : `${row.namespace}, `}
          {formatAge(row.at, nowMs.value)}
          {row.count > 1 ? `, ${row.count} times` : ''}
        </span>
      </div>
      <p>{row.message}</p>
      {row.explanation !== undefined && <p class="explanation">{row.explanation}</p>}
    </li>
  );
}
