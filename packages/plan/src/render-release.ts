/** A HelmRelease rendered by the chart engine, each line with its origin. */

import { parseApiVersion, type AnyObject } from '@towpath/api';
import {
  loadChart,
  render,
  renderWithLookup,
  type Chart,
  type RenderOptions,
  type RenderResult,
} from '@towpath/charts';
import { seededRandom, type Time } from '@towpath/kit';
import { clusterLookup, composeValues, loadCapabilities, parseManifest, type ValuesDeps } from '@towpath/releases';
import type { Client } from '@towpath/runtime';
import { guessResource, type Desired, type DesiredSet, type ReleaseInput } from './desired.ts';
import { lineFinder } from './lines.ts';

export interface RenderDeps {
  /** Absent without a cluster. */
  readonly client: Client | undefined;
  readonly time: Time;
  /** The objects of the same commit: values may come from them. */
  readonly set: Pick<DesiredSet, 'plain'>;
}

/** Throws what the chart engine throws, and `VALUES_INVALID`. The chart must be there. */
export async function renderRelease(input: ReleaseInput, deps: RenderDeps): Promise<Desired[]> {
  const { spec, declared } = input;
  const chart = await loadChart(input.chart ?? new Map());
  const namespace = declared.object.metadata.namespace ?? 'default';
  const { values, layers } = await composeValues(spec, {
    client: { get: (type, key) => readObject(deps, type, key) } as ValuesDeps['client'],
    namespace,
    readChartFile: (path) => Promise.resolve(input.chart?.get(path)),
    fetchText: (url) => Promise.reject(new Error(`${url} is not read by plan`)),
  });
  const templates = templateText(chart);
  const asksCluster = deps.client !== undefined && /\.Capabilities|\blookup\b/.test(templates);
  const options: RenderOptions = {
    chart,
    values,
    valueLayers: layers,
    release: {
      name: spec.releaseName,
      namespace: spec.targetNamespace,
      revision: 1,
      isInstall: false,
      isUpgrade: true,
    },
    clock: deps.time,
    // The same on both sides: what is drawn does not count as a change.
    random: seededRandom(1),
    trace: true,
    ...(asksCluster && { capabilities: await loadCapabilities(deps.client) }),
  };
  const { client } = deps;
  const result =
    client !== undefined && /\blookup\b/.test(templates)
      ? await renderWithLookup(options, (request) => clusterLookup(client, request))
      : render(options);
  return objectsOf(result, input);
}

async function readObject(
  { client, set }: RenderDeps,
  type: { kind: string },
  key: { namespace?: string; name: string },
) {
  const own = set.plain.find(({ object }) => {
    return (
      object.kind === type.kind && object.metadata.name === key.name && object.metadata.namespace === key.namespace
    );
  });
  if (own === undefined) return client?.get(guessResource({ apiVersion: 'v1', kind: type.kind }), key);
  const { stringData } = own.object as { stringData?: Record<string, string> };
  if (stringData === undefined) return own.object;
  const encoded = Object.entries(stringData).map(([name, text]) => [name, Buffer.from(text).toString('base64')]);
  return { ...own.object, data: { ...(own.object['data'] as object | undefined), ...Object.fromEntries(encoded) } };
}

function templateText(chart: Chart): string {
  const own = chart.templates.map(({ data }) => Buffer.from(data).toString('latin1')).join('\n');
  return [own, ...chart.dependencies.map(templateText)].join('\n');
}

function objectsOf(result: RenderResult, input: ReleaseInput): Desired[] {
  const { spec, declared } = input;
  const folder = spec.chart.type === 'git' ? spec.chart.path : '';
  const rendered = [
    ...result.manifests.map(({ path, line, text }) => ({ path, line, text, isHook: false })),
    ...result.hooks.map(({ path, line, manifest }) => ({ path, line, text: manifest, isHook: true })),
  ];
  const inRepository = (file: string): string => {
    const rest = file.slice(file.indexOf('/') + 1);
    return folder === '' ? rest : `${folder}/${rest}`;
  };
  const placeOf = ({ file, line }: { file: string; line: number }): string => `${inRepository(file)}:${line}`;
  const { kind, metadata } = declared.object;
  const setterLine =
    declared.isBuilt === true ? () => `spec.values of ${kind} ${metadata.name}` : setterFinder(declared);
  return rendered.flatMap(({ path, line, text, isHook }) =>
    parseManifest(text).map((object) => {
      const originOf = (at: number) => result.trace?.line(path, line + at - 1);
      const first = text.split('\n').findIndex((each) => each.trim() !== '' && !each.startsWith('#')) + 1;
      const place = originOf(Math.max(1, first))?.template;
      return {
        object: placed(object, spec.targetNamespace),
        text,
        source: place === undefined ? inRepository(path) : placeOf(place),
        release: input.id,
        isHook,
        originOf,
        placeOf,
        setterLine,
      };
    }),
  );
}

function placed(object: AnyObject, namespace: string): AnyObject {
  const { namespaced } = guessResource(object);
  if (!namespaced || object.metadata.namespace !== undefined || parseApiVersion(object.apiVersion).version === '')
    return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}

/** `deploy/releases/x.yaml:18` for a value of `spec.values`. */
function setterFinder({ source, text }: Desired): (path: string) => string {
  const colon = source.lastIndexOf(':');
  const [file, first] = [source.slice(0, colon), Number(source.slice(colon + 1))];
  let find: ReturnType<typeof lineFinder> | undefined;
  return (path) => `${file}:${first - 1 + (find ??= lineFinder(text))(['spec', 'values', ...stepsOf(path)])}`;
}

/** `a."b.c"[0]` as steps. */
export function stepsOf(path: string): (string | number)[] {
  return [...path.matchAll(/"((?:[^"\\]|\\.)*)"|\[(\d+)\]|([^.[\]"]+)/g)].map(([, quoted, index, word]) =>
    index === undefined ? (quoted ?? word ?? '') : Number(index),
  );
}
