/** `towpath plan` and `towpath explain` beside the real controllers of Flux and the real Flagger; ours are off. */

import { join } from 'node:path';
import { expect } from '../walk.mjs';
import { isRead, startAudit } from './beside/audit.mjs';
import { canaries, canaryObjects } from './beside/canaries.mjs';
import {
  brokenObjects,
  failures,
  files as brokenFiles,
  laterObjects,
  namespace,
  secondFiles,
} from './beside/failures.mjs';
import { bootstrap, files as fleetFiles, namespace as fleet, pushAll, pushNew, writeFiles } from './beside/fleet.mjs';
import { besideTools, startReal } from './beside/programs.mjs';
import { startCharts, startPrometheus, startRefuser } from './servers.mjs';
import { packageChart, pushImage } from './web.mjs';

const canaryLimitMs = 240_000;
/** Until a cause has shown itself. */
const causeLimitMs = 90_000;

async function apply(walk, ...objects) {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  await walk.must('kubectl', ['apply', '-f', '-'], { input });
}

async function get(walk, ...args) {
  return JSON.parse((await walk.kubectl('get', ...args, '-o', 'json')).stdout);
}

/** Ready of an object of Flux, with its message. */
async function ready(walk, what, where) {
  const { status } = await get(walk, what, '-n', where);
  return status?.conditions?.find(({ type }) => type === 'Ready') ?? { status: 'Unknown' };
}

/** Runs a command of ours through the audit; it may not have written. */
async function audited(walk, args, { audit = walk.notes.beside.audit, ...options } = {}) {
  audit.taken();
  const result = await walk.run(process.execPath, [walk.program, ...args, '--kubeconfig', audit.kubeconfig], options);
  const asked = audit.taken();
  const written = asked.filter((line) => !isRead(line));
  expect(written.length === 0, `${args[0]} only reads`, written.join('\n'));
  expect(asked.length > 0, `${args[0]} asked the cluster`, result.all);
  return { ...result, asked };
}

const setUp = {
  id: 'beside 1',
  title: 'the real source-, kustomize- and helm-controller and the real Flagger, without any of ours',
  async run(walk) {
    const crds = ['towpath/crds', 'istio/crds'].flatMap((folder) => ['-f', join(walk.root, 'charts', folder)]);
    await walk.kubectl('apply', '--server-side', '--force-conflicts', ...crds);
    await walk.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
    for (const name of ['flux-system', fleet, namespace, ...canaries.map((each) => each.namespace)])
      await walk.kubectl('create', 'namespace', name);
    await pushImage(walk);
    const [charts, refuser, prometheus, audit] = await Promise.all([
      startCharts(),
      startRefuser(),
      startPrometheus(),
      startAudit(walk),
    ]);
    charts.add({ name: 'web', version: '0.1.0', file: await packageChart(walk, '0.1.0') });
    const servers = [charts, refuser, prometheus, audit];
    const real = await startReal(walk, besideTools(), { prometheus: prometheus.url });
    walk.notes.beside = { audit, charts, refuser };
    walk.ends.push(async () => {
      await real.dispose();
      for (const server of servers) server.dispose();
    });
    const { cwd, url } = await pushNew(walk, 'fleet', fleetFiles);
    walk.notes.fleet = cwd;
    await apply(walk, ...bootstrap({ url, path: './clusters/test' }));
    const broken = await pushNew(walk, 'failures', brokenFiles);
    await apply(walk, ...brokenObjects({ git: broken.url, refuser: refuser.url, charts: charts.url }));
    for (const each of canaries) await apply(walk, ...canaryObjects(each, '1'));
    await walk.eventually(async () => {
      for (const [what, where] of [
        ['kustomizations.kustomize.toolkit.fluxcd.io/fixed', namespace],
        ['helmreleases.helm.toolkit.fluxcd.io/owner', namespace],
        ['helmreleases.helm.toolkit.fluxcd.io/selected', namespace],
        ['helmreleases.helm.toolkit.fluxcd.io/shop', fleet],
      ]) {
        const { status, message } = await ready(walk, what, where);
        expect(status === 'True', `${what} is Ready`, message);
      }
    }, canaryLimitMs);
    writeFiles(broken.cwd, secondFiles);
    await pushAll(walk, broken.cwd, 'Another selector');
    const request = `reconcile.fluxcd.io/requestedAt=${Date.now()}`;
    await walk.kubectl('-n', namespace, 'annotate', '--overwrite', 'gitrepository/failures', request);
    await apply(walk, ...laterObjects);
  },
};

const initialized = {
  id: 'beside 2',
  title: 'the real Flagger initialises five canaries',
  async run(walk) {
    await walk.eventually(async () => {
      const { items } = await get(walk, 'canaries', '-A');
      const phases = items.map(({ metadata, status }) => `${metadata.namespace} ${status?.phase}`);
      expect(phases.filter((line) => line.endsWith(' Initialized')).length === 5, 'five canaries', phases.join('\n'));
    }, canaryLimitMs);
    for (const each of canaries) await apply(walk, ...canaryObjects(each, '2'));
  },
};

/** Versions of what the plan is about: nobody else touches it when nothing is pushed. */
async function versions(walk) {
  const lists = await Promise.all(
    ['deployments', 'configmaps', 'secrets', 'services', 'helmreleases.helm.toolkit.fluxcd.io'].map((kind) =>
      get(walk, kind, '-n', fleet),
    ),
  );
  return lists
    .flatMap(({ items }) => items)
    .map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`)
    .join('\n');
}

async function plan(walk, options = {}) {
  const before = await versions(walk);
  const cwd = walk.notes.fleet;
  const result = await audited(walk, ['plan', 'HEAD', '--output', 'json'], { cwd, ...options });
  expect(before === (await versions(walk)), 'no object has another resourceVersion', await versions(walk));
  expect(result.stdout.startsWith('{'), 'a report', result.all);
  return { ...result, report: JSON.parse(result.stdout) };
}

async function commit(walk, path, from, to) {
  const cwd = walk.notes.fleet;
  await walk.must('git', ['reset', '-q', '--hard', 'origin/main'], { cwd });
  expect(fleetFiles[path].includes(from), `${path} has ${from}`);
  writeFiles(cwd, { [path]: fleetFiles[path].replace(from, to) });
  await walk.must('git', ['commit', '-q', '-a', '-m', `Change ${path}`], { cwd });
}

const planRows = [
  {
    id: 'plan 1',
    title: 'nothing to do: the commit is the one that Flux applied',
    async run(walk) {
      const { code, report } = await plan(walk);
      expect(code === 0 && report.objects.length === 0, 'exit code 0, no change', JSON.stringify(report, undefined, 1));
      expect(
        /Kustomization flux-system\/flux-system/.test(report.base.because),
        'the base is what Flux applied',
        report.base.because,
      );
    },
  },
  {
    id: 'plan 2',
    title: 'a chart value: the release, the rendered Deployment with its template line, the canary it starts',
    async run(walk) {
      await commit(walk, 'apps/release.yaml', 'message: one', 'message: two');
      const { code, report, asked } = await plan(walk);
      const shown = JSON.stringify(report, undefined, 1);
      expect(code === 3, 'exit code 3', `${code}\n${shown}`);
      const found = report.objects.map(({ kind, name, rehearsal }) => `${kind} ${name} ${rehearsal.outcome}`);
      expect(found.join() === 'HelmRelease shop accepted,Deployment shop accepted', 'two objects, accepted', shown);
      const [field] = report.objects[1].fields;
      expect(field.template === 'charts/shop/templates/deployment.yaml:20', 'the line of the template', shown);
      expect(field.before === 'one' && field.after === 'two', 'before and after', shown);
      expect(
        report.objects.every(({ rehearsal }) => rehearsal.alsoChanges.length === 0),
        'no drift',
        shown,
      );
      const [forecast] = report.canaries;
      expect(forecast?.name === 'shop' && forecast.starts === 'analysis', 'the canary it starts', shown);
      expect(
        forecast.problems.some(({ cause }) => cause === 'no-sidecar'),
        'its pods have no sidecar',
        shown,
      );
      expect(
        asked.some((line) => line.includes('dryRun=All')),
        'the change was rehearsed',
        asked.join('\n'),
      );
    },
  },
  {
    id: 'plan 3',
    title: 'a manifest: one field of one object, no canary',
    async run(walk) {
      await commit(walk, 'apps/settings.yaml', 'colour: blue', 'colour: green');
      const { code, report } = await plan(walk);
      const shown = JSON.stringify(report, undefined, 1);
      expect(code === 3, 'exit code 3', `${code}\n${shown}`);
      const [object, ...others] = report.objects;
      expect(others.length === 0 && object.kind === 'ConfigMap', 'one ConfigMap', shown);
      expect(object.fields[0].path === 'data.colour' && object.rehearsal.outcome === 'accepted', 'its field', shown);
      expect(report.canaries.length === 0, 'no canary', shown);
    },
  },
  {
    id: 'plan 4',
    title: 'a ServiceAccount that may only get, list and watch: the same plan, not rehearsed',
    async run(walk) {
      await walk.kubectl('-n', fleet, 'create', 'serviceaccount', 'reader');
      await walk.kubectl('create', 'clusterrole', 'reader', '--verb=get,list,watch', '--resource=*.*');
      await walk.kubectl(
        'create',
        'clusterrolebinding',
        'reader',
        '--clusterrole=reader',
        `--serviceaccount=${fleet}:reader`,
      );
      const { stdout: token } = await walk.kubectl('-n', fleet, 'create', 'token', 'reader');
      const audit = await startAudit(walk, token.trim());
      try {
        const { code, report } = await plan(walk, { audit });
        const shown = JSON.stringify(report, undefined, 1);
        expect(code === 3 && report.objects.length === 1, 'the same change', shown);
        const { outcome, message } = report.objects[0].rehearsal;
        expect(outcome === 'not-asked' && /you may not/.test(message), 'not rehearsed: you may not', shown);
        const explained = await audited(walk, ['explain', '-o', 'json'], { audit });
        expect(explained.code === 3 && JSON.parse(explained.stdout).length > 10, 'explain', explained.all);
      } finally {
        audit.dispose();
      }
    },
  },
];

const sentenceEnds = /[.!?]\s+[A-Z]/;

function explainRow({ name, target, cause, says, proof, namespace: where = namespace }, index) {
  return {
    id: `explain ${index + 1}`,
    title: `${name}: ${cause}`,
    run: (walk) =>
      walk.eventually(
        async () => {
          const args = ['explain', target, '-n', where, '-o', 'json'];
          const { code, all, stdout } = await audited(walk, args);
          expect(code === 3, 'exit code 3', all);
          const { first } = JSON.parse(stdout);
          expect(first?.cause === cause, `the first cause is ${cause}`, stdout);
          expect(says.test(first.sentence) && !sentenceEnds.test(first.sentence), 'one sentence', first.sentence);
          const evidence = first.evidence.map(({ field, text }) => `${field}: ${text}`).join('\n');
          expect(proof.test(evidence), 'its evidence', evidence);
          expect(first.next !== '' && first.next !== 'read the message', 'the next step', first.next);
        },
        causeLimitMs,
        2000,
      ),
  };
}

const cases = [...failures, ...canaries.map((each) => ({ ...each, target: 'canary/echo' }))];

export const besideRows = [setUp, initialized, ...planRows, ...cases.map(explainRow)];

/** Why these rows cannot run here. */
export function besideMissing() {
  return besideTools().missing;
}
