/** The whole page: a sentence on top, then commits, canaries, releases and events. */

import { useSignalEffect } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Canaries } from './components/canaries.tsx';
import { Commits } from './components/commits.tsx';
import { Events } from './components/events.tsx';
import { Header } from './components/header.tsx';
import { Health } from './components/health.tsx';
import { Help, sectionKeys } from './components/help.tsx';
import { Releases } from './components/releases.tsx';
import { helpOpen, isDark, nextTheme, state } from './store.ts';

export function App() {
  useSignalEffect(() => {
    document.documentElement.dataset['theme'] = isDark.value ? 'dark' : 'light';
  });
  useEffect(() => {
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const data = state.value;
  return (
    <>
      <a class="skip" href="#commits">
        Skip to the content
      </a>
      <Header />
      <main>
        <Health />
        {data !== undefined && (
          <>
            <Commits rows={data.commits} />
            <Canaries cards={data.canaries} />
            <Releases rows={data.releases} />
            <Events rows={data.events} />
          </>
        )}
      </main>
      <footer>
        Press <kbd>?</kbd> for keys. The same facts: <code>towpath get helmreleases,canaries,pipelines</code>
      </footer>
      <Help />
    </>
  );
}

/** Single keys, left alone where a person types or a modifier is held. */
function onKey(event: KeyboardEvent): void {
  const target = event.target;
  const typing = target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '?') helpOpen.value = !helpOpen.value;
  else if (event.key === 't') nextTheme();
  else {
    const section = sectionKeys.find(({ key }) => key === event.key);
    const heading = section === undefined ? null : document.getElementById(section.id);
    if (heading === null) return;
    heading.scrollIntoView({ block: 'start' });
    heading.focus({ preventScroll: true });
  }
  event.preventDefault();
}
