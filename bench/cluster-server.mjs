/**
 * Our control plane as a process, for the benchmark: API server, then controllers and scheduler. Bundled by
 * cluster-servers.mjs; says where it serves in one line of JSON as soon as it does.
 */

import { createApiServer, openLmdbStore, startControllers, startScheduler } from '@towpath/cluster';
import { silentLogger as log, systemClock as clock, systemRandom as random } from '@towpath/kit';

const [dataDir] = process.argv.slice(2);
const store = await openLmdbStore({ dir: `${dataDir}/store` });
const api = await createApiServer({ dataDir, store, clock, random, log });
process.stdout.write(`${JSON.stringify({ url: api.url, token: api.adminToken, caPem: api.caPem })}\n`);
startControllers({ transportFor: () => api.transport(), clock, random, log, rootCa: api.caPem });
startScheduler({ transport: api.transport(), clock, log });
