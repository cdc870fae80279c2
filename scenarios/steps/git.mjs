/** Steps with plain git: a clone of the demonstration repository, commits, pushes, what came back. */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { check } from '../world.mjs';

const demoRepository = 'acme/microservices-demo';

export const gitSteps = [
  {
    pattern: 'clone',
    async run(world) {
      await world.must('git', ['clone', '-q', `${world.ready.git}/${demoRepository}.git`, world.clone]);
      await world.git('config', 'user.name', 'A Shopkeeper');
      await world.git('config', 'user.email', 'shopkeeper@example.com');
    },
  },
  {
    pattern: 'commit <service> Dockerfile <assignment>',
    async run(world, { service, assignment }) {
      const [name, value] = assignment.split('=');
      const changed = edit(
        world,
        `src/${service}/Dockerfile`,
        new RegExp(`(^ENV .*\\b${name}=)\\S+`, 'm'),
        `$1${value}`,
      );
      check(changed, `${name} in the ENV line of src/${service}/Dockerfile can be changed to ${value}`);
      await push(world, `${service}: set ${assignment}`);
    },
  },
  {
    /** Environment of a service through its chart's values. */
    pattern: 'commit <release> env <assignment>',
    async run(world, { release, assignment }) {
      const [name, value] = assignment.split('=');
      const path = join(world.clone, `deploy/releases/${release}.yaml`);
      const kept = readFileSync(path, 'utf8').replace(/\n {4}env:\n(?: {6}.*\n)*/, '\n');
      writeFileSync(path, `${kept.trimEnd()}\n    env:\n      ${name}: "${value}"\n`);
      await push(world, `${release}: set ${assignment}`);
    },
  },
  {
    pattern: 'write <file>',
    run(world, { file }, { body }) {
      mkdirSync(dirname(join(world.clone, file)), { recursive: true });
      writeFileSync(join(world.clone, file), body ?? '');
    },
  },
  { pattern: 'remove <file>', run: (world, { file }) => rmSync(join(world.clone, file)) },
  {
    pattern: 'append <file>',
    run: (world, { file }, { body }) =>
      writeFileSync(join(world.clone, file), readFileSync(join(world.clone, file), 'utf8') + body),
  },
  {
    pattern: 'edit <file> <regex> to <text...>',
    run: (world, { file, regex, text }) =>
      check(edit(world, file, regex, text.replaceAll('\\n', '\n')), `${regex} changes ${file}`),
  },
  { pattern: 'push <message...>', run: (world, { message }) => push(world, message) },
  { pattern: 'push is refused', run: (world) => expectRefused(world) },
  {
    pattern: 'revert the last <count> commits of ours',
    async run(world, { count }) {
      await world.git('pull', '-q', '--rebase');
      const commits = await world.git('log', `-${count}`, '--author=A Shopkeeper', '--format=%H');
      await world.git('revert', '--no-edit', ...commits.split('\n'));
      await pushOnly(world);
    },
  },
  {
    /** Commits on master since the last push of ours whose subject matches. */
    pattern: 'expect <count> commit <regex>',
    async run(world, { count, regex }) {
      const found = (await newCommits(world)).filter((subject) => regex.test(subject));
      check(found.length === Number(count), `${count} commits ${regex} since our push`, found.join('\n'));
    },
  },
  {
    pattern: 'expect <count> commits in all',
    async run(world, { count }) {
      const found = await newCommits(world);
      check(found.length === Number(count), `${count} commits since our push`, found.join('\n'));
    },
  },
  {
    pattern: 'expect last commit by <author...>',
    async run(world, { author }) {
      await world.git('fetch', '-q');
      const found = await world.git('log', '-1', '--format=%an <%ae>%n%B', 'origin/master');
      check(found.startsWith(`${author}\n`), `author ${author}`, found);
      world.notes.lastCommit = found;
    },
  },
  {
    pattern: 'expect last commit changes only <regex>',
    async run(world, { regex }) {
      await world.git('fetch', '-q');
      const lines = (await world.git('show', '--format=', '--unified=0', 'origin/master')).split('\n');
      const changed = lines.filter((line) => /^[+-](?![+-])/.test(line));
      check(changed.length === 2 && changed.every((line) => regex.test(line)), `one line, ${regex}`, lines.join('\n'));
    },
  },
  {
    /** A commit that says [ci skip] leaves a skipped one, as on GitLab: it ran nothing. */
    pattern: 'expect <count> pipeline run',
    async run(world, { count }) {
      const found = (await newPipelines(world)).filter(({ status }) => status?.phase !== 'Skipped');
      check(
        found.length === Number(count),
        `${count} pipelines run since our push`,
        found.map(({ metadata }) => metadata.name).join('\n'),
      );
    },
  },
  {
    /** The pipeline of our last push. */
    pattern: 'expect pipeline <phase>',
    async run(world, { phase }) {
      const own = (await world.list('pipeline', 'towpath-system')).find(({ spec }) => spec.commit === world.pushed);
      check(
        own?.status?.phase === phase,
        `the pipeline of ${world.pushed?.slice(0, 7)} is ${phase}`,
        JSON.stringify(own?.status ?? 'no pipeline'),
      );
    },
  },
];

/** True when the file differs afterwards. */
function edit(world, file, regex, text) {
  const path = join(world.clone, file);
  check(existsSync(path), `${file} is in the repository`);
  const before = readFileSync(path, 'utf8');
  const after = before.replace(regex, text);
  writeFileSync(path, after);
  return after !== before;
}

async function push(world, message) {
  await world.git('add', '-A');
  await world.git('commit', '-q', '-m', message);
  await world.git('pull', '-q', '--rebase');
  await pushOnly(world);
}

/** Everything that comes later is counted from here on. */
async function pushOnly(world) {
  const pipelines = await world.list('pipeline', 'towpath-system').catch(() => []);
  world.notes.pipelines = pipelines.map(({ metadata }) => metadata.name);
  await world.git('push', '-q', 'origin', 'HEAD:master');
  world.pushed = await world.git('rev-parse', 'HEAD');
}

async function expectRefused(world) {
  const { code, all } = await world.run('git', ['push', 'origin', 'HEAD:master'], { cwd: world.clone });
  check(code !== 0, 'git push is refused', all);
}

async function newCommits(world) {
  await world.git('fetch', '-q');
  const text = await world.git('log', '--format=%s', `${world.pushed}..origin/master`);
  return text === '' ? [] : text.split('\n');
}

async function newPipelines(world) {
  const known = new Set(world.notes.pipelines);
  return (await world.list('pipeline', 'towpath-system')).filter(({ metadata }) => !known.has(metadata.name));
}
