import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultCapabilities, loadChart, type Chart } from '@towpath/charts';
import { startTestCluster } from '@towpath/cluster/testing';
import { systemClock, systemRandom, type UnknownRecord } from '@towpath/kit';
import { Client } from '@towpath/runtime';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ActionContext } from '../actions/context.ts';
import { renderRelease } from '../actions/render.ts';
import { createReleaseStorage } from '../storage/secrets.ts';
import { createRenderer, type AwaitedLookup, type Renderer } from './renderer.ts';

const chartOf = (template: string, values = ''): Promise<Chart> =>
  loadChart(
    new Map(
      Object.entries({
        'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
        'values.yaml': values,
        'templates/a.yaml': template,
      }).map(([name, text]) => [name, Buffer.from(text)]),
    ),
  );

describe('the render worker', () => {
  let folder: string;
  let workerFile: string;
  let renderer: Renderer | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'towpath-worker-'));
    workerFile = join(folder, 'render-worker.mjs');
    await build({
      entryPoints: [fileURLToPath(new URL('entry.ts', import.meta.url))],
      outfile: workerFile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
    });
  });
  afterEach(async () => {
    await renderer?.dispose();
    renderer = undefined;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const render = async (
    chart: Chart,
    options: { values?: UnknownRecord; lookup?: AwaitedLookup; timeMs?: number } = {},
  ) => {
    const { values = {}, lookup, timeMs = 10_000 } = options;
    renderer ??= createRenderer({ workerFile, clock: systemClock, timeMs });
    return renderer.render(
      {
        chart,
        values,
        release: { name: 'web', namespace: 'default', revision: 1, isInstall: true, isUpgrade: false },
        capabilities: defaultCapabilities,
        skipSchemaValidation: false,
        subchartNotes: false,
      },
      lookup,
    );
  };

  it('renders with values, and with defaults that a policy changed', async () => {
    const chart = await chartOf('kind: ConfigMap\nx: {{ .Values.a }}\ny: {{ .Values.b }}\n', 'a: 1\nb: 2\n');

    expect((await render(chart, { values: { a: 3 } })).manifest).toBe(
      '---\n# Source: web/templates/a.yaml\nkind: ConfigMap\nx: 3\ny: 2\n',
    );
    expect((await render({ ...chart, values: { a: 1, b: 9 } })).manifest).toContain('x: 1\ny: 9\n');
  });

  it('answers lookup from outside, one after the other', async () => {
    const chart = await chartOf(
      'kind: ConfigMap\nx: {{ (lookup "v1" "Secret" "n" "a").data }}\ny: {{ (lookup "v1" "Secret" "n" "b").data }}\n',
    );
    const lookup: AwaitedLookup = ({ name }) => Promise.resolve(name === 'a' ? { data: 'found' } : undefined);

    expect((await render(chart, { lookup })).manifest).toContain('x: found\ny:\n');
  });

  it('tells failures with their place', async () => {
    const chart = await chartOf('kind: ConfigMap\nx: {{ required "say a" .Values.a }}\n');

    await expect(render(chart)).rejects.toMatchObject({
      code: 'RENDER_FAILED',
      message: 'execution error at (web/templates/a.yaml:2:6): say a',
      details: { at: { file: 'web/templates/a.yaml', line: 2 } },
    });
  });

  it('goes on after a render that had to be stopped', async () => {
    const endless = await chartOf('{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}');
    const good = await chartOf('kind: ConfigMap\n');

    const stopped = render(endless, { timeMs: 100 });
    const next = render(good);

    await expect(stopped).rejects.toMatchObject({ code: 'RENDER_LIMIT' });
    expect((await next).manifest).toContain('kind: ConfigMap');
  });

  it('takes what is slow from a release, and leaves the rest in place', async () => {
    const cluster = await startTestCluster({ clock: systemClock });
    const worker = createRenderer({ workerFile, clock: systemClock });
    renderer = worker;
    const inWorker: string[] = [];
    const client = new Client({ transport: cluster.transport() });
    const context: ActionContext = {
      client,
      clock: systemClock,
      random: systemRandom,
      namespace: 'default',
      storage: createReleaseStorage({ client, clock: systemClock, namespace: 'default' }),
      progress: () => {},
      renderer: {
        ...worker,
        render: (request, lookup) => {
          inWorker.push(request.release.name);
          return worker.render(request, lookup);
        },
      },
    };
    const renderAs = async (name: string, template: string): Promise<string> => {
      const release = { name, namespace: 'default', revision: 1, isInstall: true, isUpgrade: false };
      const about = { lookup: true, skipSchemaValidation: false, subchartNotes: false };
      return (await renderRelease(context, { chart: await chartOf(template), values: {}, release, ...about })).manifest;
    };

    expect(await renderAs('quick', 'kind: ConfigMap\n')).toContain('kind: ConfigMap');
    const slow = '{{ range until 9000 }}{{ range until 1000 }}{{ end }}{{ end }}kind: Secret\n';
    expect(await renderAs('slow', slow)).toContain('kind: Secret');
    expect(inWorker).toEqual(['slow']);
    await cluster.dispose();
  });

  it('ends a worker that gives no answer, and starts another', async () => {
    const silent = join(folder, 'silent.mjs');
    await writeFile(
      silent,
      'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => { for (;;); });',
    );
    renderer = createRenderer({
      workerFile: silent,
      timeMs: 1,
      // Its timers fire at once.
      clock: { ...systemClock, startTimer: (_afterMs, run) => systemClock.startTimer(50, run) },
    });
    const chart = await chartOf('kind: ConfigMap\n');

    for (const attempt of [1, 2]) {
      await expect(render(chart), `attempt ${attempt}`).rejects.toMatchObject({
        code: 'RENDER_LIMIT',
        message: 'rendering web took longer than 2.001 s and was stopped',
      });
    }
  });
});
