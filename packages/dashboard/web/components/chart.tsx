/** Primary against canary over time, with the limit as a dashed line. */

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Measures, MetricPoint, Threshold } from '../../src/model.ts';
import { isDark } from '../store.ts';

export interface ChartProps {
  readonly title: string;
  readonly unit: string;
  readonly points: readonly MetricPoint[];
  readonly value: (measures: Measures) => number | null;
  readonly format: (value: number | null | undefined) => string;
  readonly threshold: Threshold;
  readonly caption: string;
  /** The newest values of primary and canary, as text. */
  readonly last: readonly [primary: string, canary: string];
}

const heightPx = 130;

export function Chart(props: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const dark = isDark.value;

  useEffect(() => {
    const element = holder.current;
    if (element === null) return undefined;
    const made = new uPlot(optionsFor(props, element), dataFor(props), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: heightPx }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
    // Colours are read when a plot is made, so that another theme needs another plot.
  }, [dark]);
  useEffect(() => plot.current?.setData(dataFor(props)), [props.points]);

  const [primary, canary] = props.last;
  return (
    <figure>
      <figcaption>
        <strong>{props.title}</strong> <span class="quiet">{props.caption}</span>
        <span class="legend">
          <span class="primary">primary {primary}</span> <span class="canary">canary {canary}</span>
        </span>
      </figcaption>
      <div ref={holder} class="plot" aria-hidden="true" />
    </figure>
  );
}

function dataFor({ points, value, threshold }: ChartProps): uPlot.AlignedData {
  const limit = threshold.min ?? threshold.max ?? null;
  return [
    points.map(({ atSeconds }) => atSeconds),
    points.map(({ primary }) => value(primary)),
    points.map(({ canary }) => value(canary)),
    points.map(() => limit),
  ];
}

function optionsFor(props: ChartProps, element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis = { stroke: color('--quiet'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
  return {
    width: Math.max(100, element.clientWidth),
    height: heightPx,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, low, high) => rangeOf(low, high, props) } },
    axes: [
      { ...axis, space: 80, values: (_plot, seconds) => seconds.map(clockText) },
      {
        ...axis,
        size: 46,
        values: (_plot, values) => values.map((value) => `${value}${props.unit === '%' ? '%' : ''}`),
      },
    ],
    series: [
      {},
      { stroke: color('--primary'), width: 2, spanGaps: false },
      { stroke: color('--canary'), width: 2, spanGaps: false },
      { stroke: color('--limit'), width: 1, dash: [6, 4], points: { show: false } },
    ],
  };
}

/** The time of day, in the reader's way of writing it. */
function clockText(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/** The limit is always in sight; a share never leaves 0 to 100. */
function rangeOf(low: number | null, high: number | null, { threshold, unit }: ChartProps): [number, number] {
  const limit = threshold.min ?? threshold.max;
  const values = [low, high, limit].filter((value): value is number => typeof value === 'number');
  if (unit === '%') return [Math.max(0, Math.min(90, ...values) - 2), 101];
  return [0, Math.max(1, ...values) * 1.1];
}
