/** Steps about releases, canaries and the shop as its visitors see it. */

import { get } from 'node:http';
import { check } from '../world.mjs';

export const deliverySteps = [
  {
    pattern: 'expect canary <name> <phase>',
    async run(world, { name, phase }) {
      const { status = {} } = await world.get('canary', name);
      check(status.phase === phase, `canary ${name} is ${phase}`, JSON.stringify(status));
    },
  },
  {
    pattern: 'expect canary <name> at weight <percent>',
    async run(world, { name, percent }) {
      const { status = {} } = await world.get('canary', name);
      check(
        (status.canaryWeight ?? 0) >= Number(percent),
        `canary ${name} is at weight ${percent} or above`,
        JSON.stringify(status),
      );
    },
  },
  {
    pattern: 'expect all traffic of <route> to <host>',
    async run(world, { route, host }) {
      const { spec } = await world.get('virtualservice', route);
      const weights = spec.http
        .flatMap((http) => http.route)
        .map(({ destination, weight = 100 }) => ({ host: destination.host, weight }));
      const own = weights.filter((one) => one.host === host).every(({ weight }) => weight === 100);
      check(
        own && weights.filter((one) => one.host !== host).every(({ weight }) => weight === 0),
        `all traffic goes to ${host}`,
        JSON.stringify(weights),
      );
    },
  },
  {
    pattern: 'expect release <name> <status>',
    async run(world, { name, status }) {
      const found = (await world.get('helmrelease', name)).status ?? {};
      check(found.releaseStatus === status, `HelmRelease ${name} is ${status}`, JSON.stringify(found));
    },
  },
  {
    /** What the HelmRelease of the last push has reached. */
    pattern: 'expect release <name> at our commit',
    async run(world, { name }) {
      const { status = {}, metadata } = await world.get('helmrelease', name);
      const there =
        status.releaseStatus === 'deployed' &&
        status.phase === 'Succeeded' &&
        status.observedGeneration === metadata.generation;
      check(there, `HelmRelease ${name} is deployed at its newest generation`, JSON.stringify(status));
    },
  },
  {
    /** Revisions are numbered from 1 without gap or repetition, unless the oldest were dropped. */
    pattern: 'expect release history <name> one deployed, none pending',
    async run(world, { name }) {
      const revisions = await history(world, name);
      const shown = revisions.map(({ version, status }) => `${version} ${status}`).join('\n');
      const count = (test) => revisions.filter(({ status }) => test(status)).length;
      check(count((status) => status === 'deployed') === 1, `one revision of ${name} is deployed`, shown);
      check(count((status) => status.startsWith('pending')) === 0, `no revision of ${name} is pending`, shown);
      check(revisions.at(-1)?.status === 'deployed', `the newest revision of ${name} is the deployed one`, shown);
      check(
        revisions.every(({ version }, index) => version === revisions[0].version + index),
        `no gap in the revisions of ${name}`,
        shown,
      );
    },
  },
  {
    /** A revision that a killed Towpath left pending is marked failed, then rolled forward. */
    pattern: 'expect release history <name> shows the interruption',
    async run(world, { name }) {
      const revisions = await history(world, name);
      const shown = revisions.map(({ version, status }) => `${version} ${status}`).join('\n');
      check(
        revisions.some(({ version, status }) => version > world.notes.revisions && status === 'failed'),
        `a revision of ${name} was interrupted`,
        shown,
      );
    },
  },
  {
    pattern: 'note history <name>',
    async run(world, { name }) {
      world.notes.revisions = (await history(world, name)).at(-1)?.version ?? 0;
    },
  },
  {
    pattern: 'expect at most <count> new revisions of <name>',
    async run(world, { count, name }) {
      const revisions = await history(world, name);
      const added = revisions.at(-1).version - world.notes.revisions;
      check(
        added >= 1 && added <= Number(count),
        `1 to ${count} new revisions of ${name}`,
        revisions.map(({ version, status }) => `${version} ${status}`).join('\n'),
      );
    },
  },
  {
    pattern: 'expect shop answers',
    async run(world) {
      const { status, text } = await fetchPage(`${world.ready.gateway}/`);
      check(status === 200, 'the shop answers 200', `${status} ${plainText(text)}`);
    },
  },
  {
    pattern: 'expect shop shows <regex>',
    async run(world, { regex }) {
      const { status, text } = await fetchPage(`${world.ready.gateway}/`);
      check(status === 200 && regex.test(text), `the shop’s page shows ${regex}`, `${status} ${text.slice(0, 600)}`);
    },
  },
  {
    pattern: 'expect shop is broken',
    async run(world) {
      const { status } = await fetchPage(`${world.ready.gateway}/`);
      check(status >= 500, 'the shop answers 5xx', status);
    },
  },
  {
    pattern: 'expect shop <path> slower than <ms> ms',
    async run(world, { path, ms }) {
      const startedAtMs = Date.now();
      const { status } = await fetchPage(`${world.ready.gateway}${path}`);
      const tookMs = Date.now() - startedAtMs;
      check(status === 200 && tookMs > Number(ms), `${path} takes more than ${ms} ms`, `${status} after ${tookMs} ms`);
    },
  },
];

async function history(world, name) {
  const { namespace } = world.key(name);
  const selector = encodeURIComponent(`owner=helm,name=${world.key(name).name}`);
  const secrets = await world.list('secret', namespace, `?labelSelector=${selector}`);
  return secrets
    .map(({ metadata }) => ({ version: Number(metadata.labels.version), status: metadata.labels.status }))
    .sort((left, right) => left.version - right.version);
}

/** What a visitor reads, for messages. */
function plainText(html) {
  return html
    .replace(/<style[\s\S]*?<\/style>|<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .slice(0, 600);
}

function fetchPage(url) {
  return new Promise((resolve) => {
    const sent = get(url, { timeout: 15_000, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, text }));
      response.on('error', (error) => resolve({ status: 0, text: error.message }));
    });
    sent.on('timeout', () => sent.destroy(new Error('timeout')));
    sent.on('error', (error) => resolve({ status: 0, text: error.message }));
  });
}
