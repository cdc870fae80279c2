/** The base image of the sample without Node: there, pulled, or made of a static busybox of this machine. */

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../walk.mjs';

const base = 'docker.io/library/busybox:1.36';
const programs = ['sh', 'httpd', 'chmod'];
const pullLimitMs = 60_000;

/** `{ drop }` when there is one (drop removes what was made here), or `{ missing }`: what to do. */
export async function haveBase(walk) {
  // Images belong to the user's own home folder.
  const more = { env: { HOME: process.env.HOME ?? walk.env.HOME } };
  const engine = ['podman', 'docker'].find((name) => findProgram(name) !== undefined);
  const answers = engine !== undefined && (await walk.run(engine, ['info'], more)).code === 0;
  if (process.getuid?.() !== 0)
    return { missing: 'container engines do not answer in the jobs of an ordinary user: run as root' };
  if (!answers) return { missing: 'no container engine answers here: install podman and run again' };
  if ((await walk.run(engine, ['image', 'inspect', base], more)).code === 0) return { drop: async () => {} };
  const drop = () => walk.run(engine, ['rmi', base], more);
  if ((await walk.run(engine, ['pull', base], { ...more, limitMs: pullLimitMs })).code === 0) return { drop };
  return (await make(walk, engine, more))
    ? { drop }
    : { missing: `${base} cannot be pulled, and no static busybox is on PATH: install busybox-static and run again` };
}

async function make(walk, engine, more) {
  const busybox = findProgram('busybox');
  const lists = busybox === undefined ? '' : (await walk.run(busybox, ['--list'])).stdout;
  if (!programs.every((name) => lists.split('\n').includes(name))) return false;
  const folder = mkdtempSync(join(walk.work, 'base-'));
  try {
    mkdirSync(join(folder, 'bin'));
    copyFileSync(busybox, join(folder, 'bin', 'busybox'));
    for (const name of programs) symlinkSync('busybox', join(folder, 'bin', name));
    await walk.must('tar', ['-C', folder, '-cf', join(walk.work, 'base.tar'), 'bin']);
    await walk.must(engine, ['import', '--change', 'ENV PATH=/bin', join(walk.work, 'base.tar'), base], more);
    return true;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
