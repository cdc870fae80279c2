/** Name, links, connection and theme. */

import { connection, helpOpen, nextTheme, state, theme } from '../store.ts';

const connectionTexts = { connecting: 'connecting …', live: 'live', lost: 'connection lost, trying again' } as const;

export function Header() {
  return (
    <header>
      <h1>
        <Mark /> Towpath
      </h1>
      <nav aria-label="Elsewhere">
        {(state.value?.links ?? []).map(({ name, url }) => (
          <a key={name} href={url}>
            {name}
          </a>
        ))}
      </nav>
      <div class="controls">
        <span class={`connection ${connection.value}`} role="status">
          {connectionTexts[connection.value]}
        </span>
        <button type="button" onClick={nextTheme} title="Change the colours (t)">
          {theme.value === 'system' ? 'auto' : theme.value}
        </button>
        <button type="button" onClick={() => (helpOpen.value = true)} aria-label="Keys and signs" title="Keys (?)">
          ?
        </button>
      </div>
    </header>
  );
}

/** Two gates of a lock over water. */
function Mark() {
  return (
    <svg width="22" height="22" viewBox="0 0 22 22" aria-hidden="true">
      <path d="M1 15c2 0 2 2 5 2s3-2 5-2 2 2 5 2 3-2 5-2" fill="none" stroke="currentColor" stroke-width="2" />
      <path d="M4 12V3l7 5 7-5v9" fill="none" stroke="currentColor" stroke-width="2" stroke-linejoin="round" />
    </svg>
  );
}
