/** The relay's program as text: one CommonJS file without dependencies, put together from the parts' own source. */

import { channelPart } from './channel.ts';
import { listenersPart } from './listeners.ts';
import { nodePart } from './node.ts';
import { openingsPart } from './openings.ts';
import { outboundPart } from './outbound.ts';
import { unknownPart } from './unknown.ts';

/** The text of `relay.cjs`, to be run by Node in the relay's namespace. */
export function relaySource(): string {
  const parts = [channelPart, listenersPart, openingsPart, outboundPart, unknownPart, nodePart];
  // Bundlers may wrap functions in a helper that keeps their names; the text must not depend on it.
  return `'use strict';
(() => {
  const __name = (value) => value;
  const kit = {
    settings: JSON.parse(process['env'].TOWPATH_RELAY),
    net: require('node:net'),
    dgram: require('node:dgram'),
    fs: require('node:fs'),
    childProcess: require('node:child_process'),
    littleEndian: require('node:os').endianness() === 'LE',
    pods: new Map(),
    outsidePorts: new Set(),
  };
${parts.map((part) => `  (${part.toString()})(kit);`).join('\n')}
})();
`;
}
