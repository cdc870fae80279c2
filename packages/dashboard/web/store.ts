/** What the page knows, as signals: the server's data, the connection, the time and the person's choices. */

import { computed, signal } from '@preact/signals';
import type { DashboardState, MetricSeries } from '../src/model.ts';

export type Connection = 'connecting' | 'live' | 'lost';
export type Theme = 'system' | 'light' | 'dark';

export const state = signal<DashboardState | undefined>(undefined);
export const metrics = signal<readonly MetricSeries[]>([]);
export const connection = signal<Connection>('connecting');
/** Ticks once a second, for ages and durations that run. */
export const nowMs = signal(Date.now());
export const helpOpen = signal(false);
export const theme = signal<Theme>(readTheme());

const systemIsDark = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(systemIsDark.matches);
/** The theme in force. */
export const isDark = computed(() => (theme.value === 'system' ? systemDark.value : theme.value === 'dark'));

const themeKey = 'towpath-theme';
const themes: readonly Theme[] = ['system', 'light', 'dark'];

/** Opens the event stream, which reconnects by itself, and starts the clock. */
export function connect(): void {
  const source = new EventSource('/api/stream');
  source.addEventListener('open', () => (connection.value = 'live'));
  source.addEventListener('error', () => (connection.value = 'lost'));
  source.addEventListener('state', (event: MessageEvent<string>) => {
    state.value = JSON.parse(event.data) as DashboardState;
  });
  source.addEventListener('metrics', (event: MessageEvent<string>) => {
    metrics.value = JSON.parse(event.data) as MetricSeries[];
  });
  setInterval(() => (nowMs.value = Date.now()), 1000);
  systemIsDark.addEventListener('change', ({ matches }) => (systemDark.value = matches));
}

/** system → light → dark → system; remembered in this browser. */
export function nextTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'system';
  try {
    localStorage.setItem(themeKey, theme.value);
  } catch {
    // A browser that stores nothing still changes the theme for now.
  }
}

function readTheme(): Theme {
  try {
    const stored = localStorage.getItem(themeKey);
    return themes.find((known) => known === stored) ?? 'system';
  } catch {
    return 'system';
  }
}
