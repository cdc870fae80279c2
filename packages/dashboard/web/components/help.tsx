/** Keys and signs. */

import { useSignalEffect } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { helpOpen } from '../store.ts';
import { Sign } from './sign.tsx';

/** Keys that go to a section. */
export const sectionKeys = [
  { key: 'c', id: 'commits', name: 'commits' },
  { key: 'k', id: 'canaries', name: 'canaries' },
  { key: 'r', id: 'releases', name: 'releases' },
  { key: 'e', id: 'events', name: 'events' },
] as const;

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useSignalEffect(() => {
    if (helpOpen.value && dialog.current?.open === false) dialog.current.showModal();
    else if (!helpOpen.value) dialog.current?.close();
  });
  return (
    <dialog ref={dialog} onClose={() => (helpOpen.value = false)} aria-labelledby="help-title">
      <h2 id="help-title">Keys and signs</h2>
      <dl>
        {sectionKeys.map(({ key, name }) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>go to the {name}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>t</kbd>
          </dt>
          <dd>light, dark or as the system says</dd>
        </div>
        <div>
          <dt>
            <kbd>?</kbd>
          </dt>
          <dd>this list</dd>
        </div>
      </dl>
      <p>
        <Sign level="done" /> done <Sign level="running" /> running <Sign level="failed" /> failed{' '}
        <Sign level="waiting" /> to come <Sign level="skipped" /> not needed
      </p>
      <button type="button" onClick={() => (helpOpen.value = false)}>
        Close
      </button>
    </dialog>
  );
}
