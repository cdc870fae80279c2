/** The table of releases. */

import type { ReleaseRow } from '../../src/model.ts';
import { formatAge } from '../format.ts';
import { nowMs } from '../store.ts';
import { Section } from './section.tsx';
import { Sign } from './sign.tsx';

export function Releases({ rows }: { rows: readonly ReleaseRow[] }) {
  return (
    <Section id="releases" title={`Releases (${rows.length})`}>
      {rows.length === 0 ? (
        <p class="empty">There are no HelmReleases yet. They come from deploy/releases of the repository.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Releases">
          <table>
            <thead>
              <tr>
                <th scope="col">Release</th>
                <th scope="col">Status</th>
                <th scope="col">Image</th>
                <th scope="col">Pods</th>
                <th scope="col">Revision</th>
                <th scope="col">Message</th>
                <th scope="col">Age</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Row key={`${row.namespace}/${row.name}`} row={row} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

function Row({ row }: { row: ReleaseRow }) {
  return (
    <tr class={row.level}>
      <th scope="row">{row.name}</th>
      <td data-label="Status">
        <Sign level={row.level} /> {row.status}
      </td>
      <td data-label="Image">{row.tag ?? '–'}</td>
      <td data-label="Pods">{row.podsTotal === 0 ? '–' : `${row.podsReady}/${row.podsTotal}`}</td>
      <td data-label="Revision">
        <code>{row.revision ?? '–'}</code>
      </td>
      <td data-label="Message" class="message">
        {row.message}
      </td>
      <td data-label="Age">{formatAge(row.createdAt, nowMs.value).replace(' ago', '')}</td>
    </tr>
  );
}
