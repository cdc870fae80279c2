/** The API's paths, one row each. */

import { messageOf, toTimestamp } from '@towpath/kit';
import { metricsError } from '../errors.ts';
import { labelPairs, labelRecord } from '../labels.ts';
import type { Matcher } from '../matchers.ts';
import type { QueryResult } from '../promql/engine.ts';
import { parseSelector } from '../promql/parse.ts';
import type { TimeSpan } from '../store/series-store.ts';
import type { ApiDeps } from './handler.ts';
import { bad, durationParameter, limitParameter, timeParameter } from './parameters.ts';
import { resultData } from './results.ts';

interface RouteRequest {
  readonly parameters: URLSearchParams;
  /** What the path's group matched. */
  readonly segment: string;
  readonly deps: ApiDeps;
  readonly signal: AbortSignal;
}

interface Answer {
  readonly data: unknown;
  readonly warnings?: readonly string[] | undefined;
}

export interface Route {
  readonly path: RegExp;
  readonly answer: (request: RouteRequest) => Answer | Promise<Answer>;
}

async function query({ parameters, deps, signal }: RouteRequest): Promise<Answer> {
  const atMs = timeParameter(parameters, 'time', deps.clock.nowMs());
  const result = await naming('query', () => {
    return deps.engine.instant(parameters.get('query') ?? '', atMs, {
      timeoutMs: durationParameter(parameters, 'timeout'),
      lookbackMs: durationParameter(parameters, 'lookback_delta'),
      signal,
    });
  });
  return { data: resultData(result, limitParameter(parameters)) };
}

async function queryRange({ parameters, deps, signal }: RouteRequest): Promise<Answer> {
  const startMs = timeParameter(parameters, 'start');
  const endMs = timeParameter(parameters, 'end');
  if (endMs < startMs) throw bad('end', 'end timestamp must not be before start time');
  const stepMs = durationParameter(parameters, 'step');
  if (stepMs === undefined) throw bad('step', 'cannot parse "" to a valid duration');
  if (stepMs <= 0) {
    throw bad('step', 'zero or negative query resolution step widths are not accepted. Try a positive integer');
  }
  const result = await naming('query', () => {
    return deps.engine.range(parameters.get('query') ?? '', {
      startMs,
      endMs,
      stepMs,
      timeoutMs: durationParameter(parameters, 'timeout'),
      lookbackMs: durationParameter(parameters, 'lookback_delta'),
      signal,
    });
  });
  return { data: resultData(result, limitParameter(parameters)) };
}

/** Parse errors say which parameter they are about. */
async function naming(name: string, run: () => Promise<QueryResult>): Promise<QueryResult> {
  try {
    return await run();
  } catch (error) {
    const isParseError = error instanceof Error && 'code' in error && error.code === 'PROMQL_INVALID';
    if (isParseError) throw bad(name, messageOf(error));
    throw error;
  }
}

/** Every `match[]`; `required` when at least one must be given. */
function selectors(parameters: URLSearchParams, required: boolean): (readonly Matcher[])[] {
  const texts = parameters.getAll('match[]');
  if (texts.length === 0 && required) throw metricsError('METRICS_BAD_PARAMETER', 'no match[] parameter provided');
  return texts.map((text) => {
    try {
      return parseSelector(text);
    } catch (error) {
      throw bad('match[]', messageOf(error));
    }
  });
}

function span(parameters: URLSearchParams): TimeSpan {
  return {
    startMs: timeParameter(parameters, 'start', -Infinity),
    endMs: timeParameter(parameters, 'end', Infinity),
  };
}

function labels({ parameters, deps }: RouteRequest): Answer {
  const matchers = selectors(parameters, false);
  const within = span(parameters);
  const names =
    matchers.length === 0
      ? deps.store.labelNames([], within)
      : [...new Set(matchers.flatMap((one) => deps.store.labelNames(one, within)))].toSorted();
  return { data: names.slice(0, limitParameter(parameters)) };
}

function labelValues({ parameters, segment, deps }: RouteRequest): Answer {
  if (segment === '') throw metricsError('METRICS_BAD_PARAMETER', `invalid label name: "${segment}"`);
  const matchers = selectors(parameters, false);
  const within = span(parameters);
  const values =
    matchers.length === 0
      ? deps.store.labelValues(segment, [], within)
      : [...new Set(matchers.flatMap((one) => deps.store.labelValues(segment, one, within)))].toSorted();
  return { data: values.slice(0, limitParameter(parameters)) };
}

function series({ parameters, deps }: RouteRequest): Answer {
  const within = span(parameters);
  const found = new Set(selectors(parameters, true).flatMap((one) => deps.store.selectWithin(one, within)));
  return { data: [...found].slice(0, limitParameter(parameters)).map((one) => labelRecord(one.labels)) };
}

function metadata({ parameters, deps }: RouteRequest): Answer {
  const wanted = parameters.get('metric');
  const entries = [...deps.store.metadata].filter(([metric]) => wanted === null || metric === wanted);
  const data = entries.slice(0, limitParameter(parameters)).map(([metric, described]) => [metric, [described]]);
  return { data: Object.fromEntries(data) as unknown };
}

function targets({ deps }: RouteRequest): Answer {
  const activeTargets = deps.scraper.targets().map((target) => ({
    discoveredLabels: target.discoveredLabels,
    labels: Object.fromEntries(labelPairs(target.labels)),
    scrapePool: target.pool,
    scrapeUrl: `http://${target.host}:${target.port}${target.path}${target.query === '' ? '' : `?${target.query}`}`,
    globalUrl: `http://${target.host}:${target.port}${target.path}`,
    lastError: target.lastError,
    lastScrape: target.lastScrapeAtMs === 0 ? '0001-01-01T00:00:00Z' : new Date(target.lastScrapeAtMs).toISOString(),
    lastScrapeDuration: target.lastDurationMs / 1000,
    health: target.health,
    scrapeInterval: `${target.intervalMs / 1000}s`,
    scrapeTimeout: `${target.timeoutMs / 1000}s`,
  }));
  const refusals = deps.refusals();
  const warnings = refusals.length === 0 ? undefined : refusals;
  return { data: { activeTargets, droppedTargets: [], droppedTargetCounts: {} }, warnings };
}

function buildInfo(): Answer {
  // Clients choose their queries by this version; it is the one whose semantics the engine follows.
  return {
    data: { version: '3.0.0', revision: 'towpath', branch: 'towpath', buildUser: '', buildDate: '', goVersion: '' },
  };
}

function runtimeInfo({ deps }: RouteRequest): Answer {
  const status = deps.store.status();
  return {
    data: {
      startTime: toTimestamp(deps.startedAtMs),
      CWD: '/',
      reloadConfigSuccess: true,
      lastConfigTime: toTimestamp(deps.startedAtMs),
      timeSeriesCount: status.series,
      corruptionCount: 0,
      storageRetention: deps.retention,
    },
  };
}

function tsdbStatus({ deps }: RouteRequest): Answer {
  const status = deps.store.status();
  return {
    data: {
      headStats: {
        numSeries: status.series,
        numLabelPairs: deps.store.labelNames([], { startMs: -Infinity, endMs: Infinity }).length,
        chunkCount: status.series,
        minTime: status.oldestMs ?? 0,
        maxTime: deps.clock.nowMs(),
      },
      seriesCountByMetricName: [],
      labelValueCountByLabelName: [],
      memoryInBytesByLabelName: [],
      seriesCountByLabelValuePair: [],
    },
  };
}

/** Paths that exist so that dashboards need not be told this server has no rules, alerts or exemplars. */
const empty: readonly (readonly [path: RegExp, data: unknown])[] = [
  [/^\/api\/v1\/rules$/, { groups: [] }],
  [/^\/api\/v1\/alerts$/, { alerts: [] }],
  [/^\/api\/v1\/alertmanagers$/, { activeAlertmanagers: [], droppedAlertmanagers: [] }],
  [/^\/api\/v1\/query_exemplars$/, []],
  [/^\/api\/v1\/status\/flags$/, {}],
  [/^\/api\/v1\/status\/config$/, { yaml: '' }],
];

/** In the order they are tried. */
export const routes: readonly Route[] = [
  { path: /^\/api\/v1\/query$/, answer: query },
  { path: /^\/api\/v1\/query_range$/, answer: queryRange },
  { path: /^\/api\/v1\/labels$/, answer: labels },
  { path: /^\/api\/v1\/label\/([^/]+)\/values$/, answer: labelValues },
  { path: /^\/api\/v1\/series$/, answer: series },
  { path: /^\/api\/v1\/metadata$/, answer: metadata },
  { path: /^\/api\/v1\/targets$/, answer: targets },
  { path: /^\/api\/v1\/status\/buildinfo$/, answer: buildInfo },
  { path: /^\/api\/v1\/status\/runtimeinfo$/, answer: runtimeInfo },
  { path: /^\/api\/v1\/status\/tsdb$/, answer: tsdbStatus },
  ...empty.map(([path, data]): Route => ({ path, answer: () => ({ data }) })),
];
