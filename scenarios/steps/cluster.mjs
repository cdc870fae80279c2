/** Steps about objects and pods of the cluster. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { check } from '../world.mjs';
import { treeOf } from './processes.mjs';

export const clusterSteps = [
  { pattern: 'namespace <name>', run: (world, { name }) => void (world.namespace = name) },
  {
    /** Events of the setup count, too. */
    pattern: 'look back <minutes>m',
    run: (world, { minutes }) => void (world.sinceMs = Date.now() - Number(minutes) * 60_000),
  },
  {
    pattern: 'apply',
    async run(world, _words, { body }) {
      const result = await world.towpath(['apply', '--namespace', world.namespace, '-f', '-'], { input: body });
      check(result.code === 0, 'towpath apply', result.all);
    },
  },
  {
    pattern: 'delete <kind> <name>',
    run: (world, { kind, name }) => world.api('DELETE', world.path(kind, world.key(name))),
  },
  {
    pattern: 'set env <deployment> <assignment>',
    async run(world, { deployment, assignment }) {
      const [name, value] = assignment.split('=');
      const { spec } = await world.get('deployment', deployment);
      const container = spec.template.spec.containers[0].name;
      await world.patch('deployment', deployment, {
        spec: { template: { spec: { containers: [{ name: container, env: [{ name, value }] }] } } },
      });
    },
  },
  {
    pattern: 'scale <deployment> to <count>',
    run: (world, { deployment, count }) => world.patch('deployment', deployment, { spec: { replicas: Number(count) } }),
  },
  {
    /** The program of the pod's first container, by the process id that the node wrote down. */
    pattern: 'kill -9 the process of <deployment>',
    async run(world, { deployment }) {
      const pod = await onePod(world, deployment);
      const container = pod.spec.containers[0].name;
      const file = join(world.data, 'nodes', 'pods', pod.metadata.uid, `${container}.process.json`);
      const program = treeOf(JSON.parse(readFileSync(file, 'utf8')).pid).at(-1);
      check(program !== undefined, `a process of ${pod.metadata.name} runs`);
      world.notes.killed = { name: pod.metadata.name, restarts: restartsOf(pod) };
      process.kill(program.pid, 'SIGKILL');
    },
  },
  {
    /** The same pod, restarted in place, and Ready. */
    pattern: 'expect the killed pod restarted',
    async run(world) {
      const { name, restarts } = world.notes.killed;
      const pod = await world.get('pod', name);
      check(
        restartsOf(pod) === restarts + 1 && isReady(pod),
        `${name} restarted once and is Ready`,
        JSON.stringify(pod.status.containerStatuses),
      );
    },
  },
  {
    pattern: 'expect pods ready',
    async run(world) {
      const pods = (await world.list('pod', world.namespace)).filter(({ status }) => status.phase !== 'Succeeded');
      const waiting = pods.filter((pod) => !isReady(pod));
      check(
        pods.length > 0 && waiting.length === 0,
        `every pod of ${world.namespace} is Ready`,
        waiting.map(({ metadata, status }) => `${metadata.name} ${status.phase}`).join('\n'),
      );
    },
  },
  {
    pattern: 'expect deployment <name> ready',
    async run(world, { name }) {
      const { spec, status = {}, metadata } = await world.get('deployment', name);
      const ready =
        status.observedGeneration >= metadata.generation &&
        (status.readyReplicas ?? 0) === spec.replicas &&
        (status.updatedReplicas ?? 0) === spec.replicas;
      check(ready, `${name} has its ${spec.replicas} replicas ready`, JSON.stringify(status));
    },
  },
  {
    pattern: 'expect container of <deployment> waiting <regex>',
    async run(world, { deployment, regex }) {
      const pods = await podsOf(world, deployment);
      const waiting = pods
        .flatMap(({ status }) => status.containerStatuses ?? [])
        .map(({ state }) => state?.waiting)
        .filter(Boolean);
      check(
        waiting.some(({ reason, message }) => regex.test(`${reason}: ${message}`)),
        `a container of ${deployment} waits with ${regex}`,
        JSON.stringify(waiting),
      );
    },
  },
  {
    pattern: 'expect event <object> <regex>',
    async run(world, { object, regex }) {
      const found = await eventsOf(world, object);
      check(
        found.some((line) => regex.test(line)),
        `an event of ${object} ${regex}`,
        found.join('\n'),
      );
    },
  },
  {
    pattern: 'expect no event <object> <regex>',
    async run(world, { object, regex }) {
      const found = (await eventsOf(world, object)).filter((line) => regex.test(line));
      check(found.length === 0, `no event of ${object} ${regex}`, found.join('\n'));
    },
  },
  {
    pattern: 'expect status <kind> <name> <regex>',
    async run(world, { kind, name, regex }) {
      const text = JSON.stringify((await world.get(kind, name)).status ?? {});
      check(regex.test(text), `the status of ${kind} ${name} says ${regex}`, text);
    },
  },
  { pattern: 'expect <kind> <name> exists', run: (world, { kind, name }) => world.get(kind, name) },
  {
    /** What `towpath explain` says of it; OBJECT is `namespace:kind/name`. */
    pattern: 'expect explain <object> <regex>',
    async run(world, { object, regex }) {
      const [namespace, target] = object.split(':');
      const { all } = await world.towpath(['explain', target, '-n', namespace], { limitMs: 60_000 });
      check(regex.test(all), `explain ${object} says ${regex}`, all);
    },
  },
  {
    pattern: 'expect image <deployment> <regex>',
    async run(world, { deployment, regex }) {
      const images = (await world.get('deployment', deployment)).spec.template.spec.containers.map(
        ({ image }) => image,
      );
      check(
        images.some((image) => regex.test(image)),
        `an image of ${deployment} ${regex}`,
        images.join('\n'),
      );
    },
  },
  {
    pattern: 'expect logs <deployment> <regex>',
    async run(world, { deployment, regex }) {
      const { name, namespace } = world.key(deployment);
      const { stdout } = await world.towpath(['logs', '-n', namespace, `deployment/${name}`, '--tail', '2000']);
      check(regex.test(stdout), `the log of ${deployment} says ${regex}`, stdout);
    },
  },
];

async function podsOf(world, deployment) {
  const { spec, metadata } = await world.get('deployment', deployment);
  const selector = Object.entries(spec.selector.matchLabels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  return (await world.list('pod', metadata.namespace, `?labelSelector=${encodeURIComponent(selector)}`)).filter(
    (pod) => pod.metadata.deletionTimestamp === undefined,
  );
}

async function onePod(world, deployment) {
  const pod = (await podsOf(world, deployment)).find(isReady);
  check(pod !== undefined, `a pod of ${deployment} is Ready`);
  return pod;
}

function isReady({ status }) {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

function restartsOf({ status }) {
  return status.containerStatuses[0].restartCount;
}

/** `Type Reason message (xCOUNT)` of each event since the scenario began, oldest first. */
async function eventsOf(world, object) {
  const { namespace, name } = world.key(object);
  const items = await world.list(
    'event',
    namespace,
    `?fieldSelector=${encodeURIComponent(`involvedObject.name=${name}`)}`,
  );
  return items
    .map((event) => ({
      event,
      at: Date.parse(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp),
    }))
    .filter(({ at }) => at >= world.sinceMs)
    .sort((left, right) => left.at - right.at)
    .map(({ event }) => `${event.type} ${event.reason} ${event.message}${event.count > 1 ? ` (x${event.count})` : ''}`);
}
