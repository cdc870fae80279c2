/** The one sentence; changes are read out. */

import { state } from '../store.ts';
import { Sign } from './sign.tsx';

export function Health() {
  const health = state.value?.health;
  return (
    <p class={`health ${health?.level ?? 'busy'}`} aria-live="polite">
      {health === undefined ? (
        'Reading the cluster …'
      ) : (
        <>
          <Sign level={health.level} /> <span>{health.sentence}</span>
        </>
      )}
    </p>
  );
}
