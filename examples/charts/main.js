/** `node main.js`: the example in Node. */

import { everything } from './render.js';

process.stdout.write(await everything());
