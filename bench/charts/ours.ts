/** This engine as a process of its own: reads one request per line of standard input, answers each with one line of JSON. */

import { createInterface } from 'node:readline';
import { messageOf, seededRandom, systemClock, type Random } from '@towpath/kit';
import { loadChart, render, templateOutput, type Chart } from '@towpath/charts';
import { readChartFolder } from '@towpath/releases';
import type { EngineAnswer, EngineClock, EngineRequest } from './engine.ts';

/** Answers until the input ends. */
export async function main(): Promise<number> {
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as EngineRequest;
    const answer = await measure(request).catch((error: unknown) => ({
      renderMs: [],
      wholeMs: [],
      error: messageOf(error),
    }));
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  return 0;
}

async function measure({ folder, budgetMs, clock }: EngineRequest): Promise<EngineAnswer> {
  const wholeMs = await repeat(budgetMs / 2, clock, async () => {
    const chart = await loadChart(await readChartFolder(folder));
    draw(chart);
  });
  const loaded = await loadChart(await readChartFolder(folder));
  // Its templates are parsed by the first render.
  const seeds = new SeedCount();
  const output = templateOutput(draw(loaded, seeds));
  const renderMs = await repeat(budgetMs / 2, clock, () => draw(loaded));
  return { renderMs, wholeMs, outputChars: output.length, makesKeys: canMakeKeys(loaded) && seeds.count > 0 };
}

function draw(chart: Chart, random: Random = seededRandom(1)) {
  return render({
    chart,
    values: {},
    release: { name: 'release-name', namespace: 'default', revision: 1, isInstall: true, isUpgrade: false },
    clock: systemClock,
    random,
  });
}

/** Once at least, then until the budget is spent. */
async function repeat(budgetMs: number, clock: EngineClock, turn: () => unknown): Promise<number[]> {
  const times: number[] = [];
  let spentMs = 0;
  while (times.length === 0 || spentMs < budgetMs) {
    const startedAt = nowMs(clock);
    await turn();
    const tookMs = nowMs(clock) - startedAt;
    times.push(tookMs);
    spentMs += tookMs;
  }
  return times;
}

function nowMs(clock: EngineClock): number {
  if (clock === 'wall') return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Counts what keys, certificates and bcrypt salts are made from: passwords and names draw numbers instead. */
class SeedCount implements Random {
  count = 0;
  private readonly source = seededRandom(1);

  bytes(length: number): Uint8Array {
    if (length >= 16) this.count += 1;
    return this.source.bytes(length);
  }

  integer(below: number): number {
    return this.source.integer(below);
  }
}

function canMakeKeys(chart: Chart): boolean {
  const calls = /\b(?:gen(?:CA|SignedCert|SelfSignedCert|PrivateKey)|htpasswd|bcrypt)/;
  return (
    chart.templates.some(({ data }) => calls.test(Buffer.from(data).toString('latin1'))) ||
    chart.dependencies.some(canMakeKeys)
  );
}
