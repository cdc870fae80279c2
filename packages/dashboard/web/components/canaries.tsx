/** Each canary: its weight on the way up, and how it fares against the primary. */

import type { CanaryCard, MetricPoint, Threshold } from '../../src/model.ts';
import { formatAge, formatMs, formatPercent, formatRate } from '../format.ts';
import { metrics, nowMs } from '../store.ts';
import { Chart } from './chart.tsx';
import { Section } from './section.tsx';
import { Sign } from './sign.tsx';

export function Canaries({ cards }: { cards: readonly CanaryCard[] }) {
  return (
    <Section id="canaries" title="Canaries">
      {cards.length === 0 ? (
        <p class="empty">No release is judged as a canary. Add a Canary object to a chart to change that.</p>
      ) : (
        cards.map((card) => <Card key={`${card.namespace}/${card.name}`} card={card} />)
      )}
    </Section>
  );
}

function Card({ card }: { card: CanaryCard }) {
  const points = metrics.value.find(({ canary }) => canary === `${card.namespace}/${card.name}`)?.points ?? [];
  return (
    <article class="card">
      <div class="card-head">
        <h3>{card.name}</h3>
        <span class={`phase ${card.level}`}>
          <Sign level={card.level} /> {card.phase}
        </span>
        <span class="quiet">
          {card.namespace}, changed {formatAge(card.changedAt, nowMs.value)}
        </span>
      </div>
      <p class="versions">
        primary <strong>{card.primaryTag ?? '–'}</strong>
        {card.canaryTag !== undefined && (
          <>
            {' '}
            canary <strong>{card.canaryTag}</strong>
          </>
        )}
        {card.level === 'busy' && (
          <span class="quiet">
            {' '}
            {card.failedChecks} of {card.failedChecksLimit} checks failed, one every {card.interval}
          </span>
        )}
      </p>
      <Steps card={card} />
      {card.diagnosis !== undefined && <p class="diagnosis">{card.diagnosis}</p>}
      <Charts card={card} points={points} />
    </article>
  );
}

function Steps({ card }: { card: CanaryCard }) {
  if (card.stepsPercent.length === 0) return null;
  const reached = card.phase === 'Succeeded' ? Infinity : card.weightPercent;
  return (
    <ol class="steps" aria-label={`Weight of the new version: ${card.weightPercent} %`}>
      {card.stepsPercent.map((weight) => (
        <li
          key={weight}
          class={weight <= reached ? 'reached' : ''}
          aria-current={weight === card.weightPercent ? 'step' : undefined}
        >
          {weight} %
        </li>
      ))}
    </ol>
  );
}

function Charts({ card, points }: { card: CanaryCard; points: readonly MetricPoint[] }) {
  const last = points.at(-1);
  return (
    <div class="charts">
      <Chart
        title="Requests that succeed"
        unit="%"
        points={points}
        value={(measures) => measures.successPercent}
        format={formatPercent}
        threshold={card.successRate}
        caption={limitText(card.successRate, '%')}
        last={[formatPercent(last?.primary.successPercent), formatPercent(last?.canary.successPercent)]}
      />
      <Chart
        title="Slowest hundredth"
        unit="ms"
        points={points}
        value={(measures) => measures.p99Ms}
        format={formatMs}
        threshold={card.durationMs}
        caption={limitText(card.durationMs, 'ms')}
        last={[formatMs(last?.primary.p99Ms), formatMs(last?.canary.p99Ms)]}
      />
      <Chart
        title="Requests"
        unit="/s"
        points={points}
        value={(measures) => measures.perSecond}
        format={formatRate}
        threshold={{ min: undefined, max: undefined }}
        caption=""
        last={[formatRate(last?.primary.perSecond), formatRate(last?.canary.perSecond)]}
      />
    </div>
  );
}

function limitText({ min, max }: Threshold, unit: string): string {
  const parts = [];
  if (min !== undefined) parts.push(`at least ${min} ${unit}`);
  if (max !== undefined) parts.push(`at most ${max} ${unit}`);
  return parts.join(', ');
}
