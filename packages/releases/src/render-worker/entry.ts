/** The worker's own program: renders one job after the other. */

import { parentPort } from 'node:worker_threads';
import { assert } from '@towpath/kit';
import { runJob, type LoadedCharts, type RenderJob } from './job.ts';

const charts: LoadedCharts = new Map();
const port = parentPort;
assert(port !== null, 'this file runs in a worker');
port.on('message', (job: RenderJob) => void runJob(job, charts).then((reply) => port.postMessage(reply)));
