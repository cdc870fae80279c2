/**
 * `npm run conformance -- releases`: the same HelmReleases (Flux 2) given to the real helm-controller and to ours, each
 * beside the real source-controller, on the same API server: objects, conditions, events and history are compared.
 *
 *   --cluster embedded|real   only there; default: both
 *   --only NAME[,NAME]        these scenarios
 *   --verbose                 prints every difference in full
 */

import { helmRepository, ociRepository, startDemoCharts } from './releases/charts.mjs';
import { createReport, differences, outcome } from './releases/compare.mjs';
import { must, onEachCluster, readOptions, startOurs, startSourceController, startTheirs } from './releases/place.mjs';
import { applyKinds, createNamespaces, decideFates } from './releases/prepare.mjs';
import { scenarios } from './releases/scenarios.mjs';
import { takeOver } from './releases/take-over.mjs';

const stepLimitMs = 90_000;
const options = readOptions();
const results = createReport(options);
await onEachCluster(options, compareOn);
process.exit(results.failed === 0 ? 0 : 1);

async function compareOn(place) {
  const namespaces = { theirs: 'releases-theirs', ours: 'releases-ours00' };
  await applyKinds(place);
  await createNamespaces(place, ['flux-system', ...Object.values(namespaces)]);
  const charts = await startDemoCharts(place, ['1.0.0', '1.1.0']);
  const registry = place.up.registry.replace(/^https?:\/\//, '').replace(/\/$/, '');
  must(place.tools.helm3, ['push', charts.archives['1.0.0'], `oci://${registry}/charts`, '--plain-http'], {
    env: { PATH: process.env.PATH, HOME: place.work },
  });
  for (const namespace of Object.values(namespaces)) {
    await place.api.apply(helmRepository(namespace, charts.url));
    await place.api.apply(ociRepository(namespace, `oci://${registry}/charts/demo`, '1.0.0'));
  }
  place.ends.push(decideFates(place, Object.values(namespaces)));
  const source = await startSourceController(place);
  const programs = {
    theirs: startTheirs(place, namespaces.theirs, ['--requeue-dependency=2s', '--concurrent=10']),
    ours: startOurs(place, namespaces.ours, ['--concurrent=10']),
  };
  const wanted = options.only?.split(',');
  const chosen = scenarios.filter(({ name }) => wanted === undefined || wanted.includes(name));
  const outcomes = await Promise.all(chosen.map((scenario) => runScenario(place, scenario, namespaces)));
  for (const { name, problems } of outcomes) results.report(name, problems);
  if (wanted === undefined || wanted.includes('take-over'))
    results.report('take-over', await takeOver(place, namespaces, programs));
  for (const [name, program] of Object.entries({ ...programs, source })) {
    if (!program.isRunning() && name === 'source')
      results.report(name, [{ path: 'it ended', ours: program.output().slice(-2000) }]);
  }
  if (options.verbose) for (const program of Object.values(programs)) console.log(program.output().slice(-4000));
}

async function runScenario(place, { name, steps, ignored = [] }, namespaces) {
  const sides = await Promise.all(
    Object.entries(namespaces).map(async ([side, namespace]) => {
      const given = { api: place.api, namespace, name };
      const outcomes = [];
      for (const [index, step] of steps.entries()) {
        await step.act(given);
        const startedAt = Date.now();
        const problem = await until(() => reached(place, given, step));
        await new Promise((resolve) => setTimeout(resolve, 700));
        outcomes.push({
          step: index + 1,
          ...(problem && { problem: `not reached in ${stepLimitMs / 1000} s` }),
          ...(await outcome(place, given)),
        });
        outcomes.at(-1).tookMs = Date.now() - startedAt;
      }
      return [side, outcomes];
    }),
  );
  const { theirs, ours } = Object.fromEntries(sides);
  const times = theirs.map(
    ({ tookMs }, index) => `${(tookMs / 1000).toFixed(1)}/${(ours[index].tookMs / 1000).toFixed(1)} s`,
  );
  for (const one of [...theirs, ...ours]) delete one.tookMs;
  const problems = theirs.flatMap((one, index) => differences(one, ours[index], `step ${index + 1}`));
  return {
    name: `${name} (${times.join(', ')})`,
    problems: problems.filter(({ path }) => !ignored.some((end) => path.endsWith(end))),
  };
}

async function reached(place, { api, namespace, name }, step) {
  return step.until(await api.get(`/apis/helm.toolkit.fluxcd.io/v2/namespaces/${namespace}/helmreleases/${name}`));
}

/** True when it took too long. */
async function until(check) {
  const limit = Date.now() + stepLimitMs;
  while (Date.now() < limit) {
    if (await check()) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
}
