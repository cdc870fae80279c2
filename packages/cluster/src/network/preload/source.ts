/** The preload as text: one CommonJS file without dependencies, put together from the parts' own source. */

import { connectPart } from './connect.ts';
import { controlPart } from './control.ts';
import { helpersPart } from './helpers.ts';
import { listenPart } from './listen.ts';
import { namesPart } from './names.ts';
import { processPart } from './process.ts';
import { signalsPart } from './signals.ts';
import { recordsPart } from './records.ts';
import { tlsPart } from './tls.ts';

/** The text of `preload.cjs`, for `node --require`. Without `TOWPATH_NET` it does nothing. */
export function preloadSource(): string {
  const parts = [helpersPart, controlPart, listenPart, connectPart, tlsPart, namesPart, recordsPart, processPart];
  // Bundlers may wrap functions in a helper that keeps their names; the text must not depend on it.
  return `'use strict';
(() => {
  const { TOWPATH_NET: text } = process['env'];
  if (text === undefined || text === '') return;
  const __name = (value) => value;
  const settings = JSON.parse(text);
  (${signalsPart.toString()})();
  if (settings.signalsOnly) return;
  const net = require('node:net');
  const fs = require('node:fs');
  const kit = {
    settings,
    net,
    tls: require('node:tls'),
    dns: require('node:dns'),
    os: require('node:os'),
    exists: fs.existsSync,
    unlink: (path) => fs.rmSync(path, { force: true }),
    connect: net.Socket.prototype.connect,
    isForTls: false,
    folder: settings.run + '/p/' + settings.key,
  };
${parts.map((part) => `  (${part.toString()})(kit);`).join('\n')}
  require('node:module').syncBuiltinESMExports();
})();
`;
}
