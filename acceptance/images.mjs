/**
 * `npm run conformance -- images`: the same image objects (Flux 2) given to the real image-reflector- and
 * image-automation-controller and to ours on the same API server: statuses, events, managers of fields, what kubectl
 * prints, and the commits with their files are compared.
 *
 *   --cluster embedded|real   only there; default: both
 *   --only NAME[,NAME]        these scenarios
 *   --verbose                 prints every difference in full
 */

import { pushImages } from './images/material.mjs';
import { outcome } from './images/outcome.mjs';
import { applyKinds, controllers, missingPrograms, startOurs, startTheirs } from './images/programs.mjs';
import { scenarios, shared } from './images/scenarios.mjs';
import { objectPath } from './images/steps.mjs';
import { createReport, differences } from './releases/compare.mjs';
import { onEachCluster, readOptions } from './releases/place.mjs';
import { createNamespaces } from './releases/prepare.mjs';

const stepLimitMs = 30_000;
const options = readOptions();
const missing = missingPrograms();
if (missing.length > 0) {
  console.log(`skipped: put the released programs of Flux there: ${missing.join(', ')}`);
  process.exit(1);
}
const results = createReport(options);
await onEachCluster(options, compareOn);
process.exit(results.failed === 0 ? 0 : 1);

async function compareOn(place) {
  await applyKinds(place);
  const sides = { theirs: { namespace: 'images-theirs' }, ours: { namespace: 'images-ours00' } };
  await createNamespaces(place, [...Object.values(sides).map(({ namespace }) => namespace), 'images-others']);
  for (const [side, start] of Object.entries({ theirs: startTheirs, ours: startOurs })) {
    sides[side].programs = controllers.map((name) => start(place, name, sides[side].namespace));
  }
  for (const side of Object.values(sides)) {
    await pushImages(place, side.namespace);
    for (const { name, ...step } of shared) await runStep(place, side, { name, step });
  }
  const wanted = options.only?.split(',');
  const chosen = scenarios.filter(({ name }) => wanted === undefined || wanted.includes(name));
  let same = 0;
  for (const scenario of chosen) if (await runScenario(place, scenario, sides)) same += 1;
  console.log(`${same} of ${chosen.length} the same`);
  if (!options.verbose) return;
  for (const side of Object.values(sides)) for (const one of side.programs) console.log(one.output().slice(-6000));
}

async function runScenario(place, { name, steps, ignored = [] }, sides) {
  const [theirs, ours] = await Promise.all(
    Object.values(sides).map(async (side) => {
      const outcomes = [];
      for (const step of steps) outcomes.push(await runStep(place, side, { name, step }));
      return outcomes;
    }),
  );
  const problems = theirs.flatMap((one, index) => differences(one, ours[index], `step ${index + 1}`));
  return results.report(
    name,
    problems.filter(({ path }) => !ignored.some((part) => path.includes(part))),
  );
}

async function runStep(place, { namespace }, { name, step }) {
  const given = { place, api: place.api, namespace, name, kind: step.kind };
  await step.act(given);
  const pause = (forMs) => new Promise((resolve) => setTimeout(resolve, forMs));
  const reach = async (limit) => {
    while (Date.now() < limit) {
      if (step.until(await place.api.get(objectPath(namespace, step.kind, name)))) return true;
      await pause(50);
    }
    return false;
  };
  await pause(100);
  let isReached = await reach(Date.now() + stepLimitMs);
  await pause(500);
  // What fails may be in the middle of its next try.
  isReached &&= await reach(Date.now() + 5_000);
  const found = await outcome(place, given);
  return isReached ? found : { ...found, problem: `not reached in ${stepLimitMs / 1000} s` };
}
