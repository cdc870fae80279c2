/**
 * `npm run conformance -- sources`: the same sources (Flux 2) given to the real source-controller and to ours on the same
 * API server: conditions, artifacts and their files, events and what kubectl prints are compared.
 *
 *   --cluster embedded|real   only there; default: both
 *   --only NAME[,NAME]        these scenarios
 *   --verbose                 prints every difference in full
 */

import { createReport, differences } from './releases/compare.mjs';
import { onEachCluster, readOptions, startOurSources, startSourceController } from './releases/place.mjs';
import { applyKinds, createNamespaces } from './releases/prepare.mjs';
import { prepareMaterial } from './sources/material.mjs';
import { outcome } from './sources/outcome.mjs';
import { scenarios, shared, sourcePath } from './sources/scenarios.mjs';

const stepLimitMs = 30_000;
const options = readOptions();
const results = createReport(options);
await onEachCluster(options, compareOn);
process.exit(results.failed === 0 ? 0 : 1);

async function compareOn(place) {
  await applyKinds(place);
  const sides = { theirs: { namespace: 'sources-theirs' }, ours: { namespace: 'sources-ours00' } };
  await createNamespaces(place, ['flux-system', sides.theirs.namespace, sides.ours.namespace]);
  const material = await prepareMaterial(place);
  const limited = { namespace: sides.theirs.namespace, args: ['--watch-all-namespaces=false'] };
  sides.theirs.program = await startSourceController(place, limited);
  sides.ours.program = await startOurSources(place, sides.ours.namespace);
  for (const side of Object.values(sides)) {
    for (const { name, ...step } of shared) await runStep(place, side, { name, step, material });
  }
  const wanted = options.only?.split(',');
  const chosen = scenarios.filter(({ name }) => wanted === undefined || wanted.includes(name));
  for (const scenario of chosen) await runScenario(place, scenario, { sides, material });
  if (options.verbose) for (const { program } of Object.values(sides)) console.log(program.output().slice(-6000));
}

async function runScenario(place, { name, steps, ignored = [] }, { sides, material }) {
  const [theirs, ours] = await Promise.all(
    Object.values(sides).map(async (side) => {
      const outcomes = [];
      for (const step of steps) outcomes.push(await runStep(place, side, { name, step, material }));
      return outcomes;
    }),
  );
  const problems = theirs.flatMap((one, index) => differences(one, ours[index], `step ${index + 1}`));
  results.report(
    name,
    problems.filter(
      ({ path }) => !ignored.some((end) => path.endsWith(end) || (end === 'events' && path.includes('/events/'))),
    ),
  );
}

async function runStep(place, { namespace, program }, { name, step, material }) {
  const given = { api: place.api, namespace, name, kind: step.kind, address: program.address, material };
  await step.act(given);
  const limit = Date.now() + stepLimitMs;
  let isReached = false;
  while (!isReached && Date.now() < limit) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    isReached = step.until(await place.api.get(sourcePath(namespace, step.kind, name)));
  }
  await new Promise((resolve) => setTimeout(resolve, 400));
  const found = await outcome(place, given);
  return isReached ? found : { ...found, problem: `not reached in ${stepLimitMs / 1000} s` };
}
