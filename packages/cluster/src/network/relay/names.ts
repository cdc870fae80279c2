/** The cluster's name server as one function: a question of DNS in, its answer out. */

import type { Resolver } from '../resolver.ts';

export interface NameAnswer {
  readonly packet: Buffer;
  /** Addresses of a name outside the cluster. */
  readonly outside: readonly string[];
}

/** IPv4 addresses of a name that is no part of the cluster, as the host knows them. Rejects with a code. */
export type OutsideLookup = (name: string) => Promise<readonly string[]>;

const code = { noError: 0, formatError: 1, serverFailure: 2, noName: 3, notImplemented: 4 } as const;
const type = { a: 1, aaaa: 28 } as const;
const internetClass = 1;
const headerBytes = 12;
/** Seconds: of names of the cluster, which follow its objects, and of others. */
const ttl = { cluster: 5, outside: 30 } as const;
/** Without an extension of DNS a longer answer does not fit a packet. */
const maxPacketBytes = 512;
const recordBytes = 16;

interface Question {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** The question as it was sent, which goes into the answer. */
  readonly bytes: Buffer;
}

/** Answers A records; other types of a known name have no records. Undefined for what is no question of DNS. */
export async function answerName(
  packet: Buffer,
  namespace: string,
  deps: { resolver: Resolver; lookupOutside: OutsideLookup },
): Promise<NameAnswer | undefined> {
  // A packet that is itself an answer gets none.
  if (packet.length < headerBytes || (packet.readUInt8(2) & 0x80) !== 0) return undefined;
  const question = questionOf(packet);
  if (question === undefined) return reply(packet, undefined, { code: code.formatError });
  if (question.class !== internetClass || (packet.readUInt8(2) & 0x78) !== 0) {
    return reply(packet, question, { code: code.notImplemented });
  }
  const found = deps.resolver.lookup(question.name, namespace);
  if (found.type === 'unknown') return reply(packet, question, { code: code.noName });
  if (found.type === 'addresses') {
    return reply(packet, question, {
      code: code.noError,
      addresses: question.type === type.a ? found.addresses : [],
      seconds: ttl.cluster,
    });
  }
  if (question.type === type.aaaa) return reply(packet, question, { code: code.noError });
  if (question.type !== type.a) return reply(packet, question, { code: code.notImplemented });
  try {
    const addresses = await deps.lookupOutside(found.name);
    const answer = reply(packet, question, { code: code.noError, addresses, seconds: ttl.outside });
    return { ...answer, outside: addresses };
  } catch (error) {
    const isUnknown = (error as { code?: string }).code === 'ENOTFOUND';
    return reply(packet, question, { code: isUnknown ? code.noName : code.serverFailure });
  }
}

/** The one question of a packet; undefined when it cannot be read. Source: RFC 1035, section 4.1. */
function questionOf(packet: Buffer): Question | undefined {
  if (packet.readUInt16BE(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = headerBytes;
  for (;;) {
    const length = packet[at];
    // A question's name is never a pointer.
    if (length === undefined || length > 63) return undefined;
    at++;
    if (length === 0) break;
    labels.push(packet.subarray(at, at + length).toString('latin1'));
    at += length;
  }
  if (at + 4 > packet.length) return undefined;
  return {
    name: labels.join('.'),
    type: packet.readUInt16BE(at),
    class: packet.readUInt16BE(at + 2),
    bytes: packet.subarray(headerBytes, at + 4),
  };
}

function reply(
  packet: Buffer,
  question: Question | undefined,
  answer: { code: number; addresses?: readonly string[]; seconds?: number },
): NameAnswer {
  const bytes = question?.bytes ?? Buffer.alloc(0);
  const room = Math.floor((maxPacketBytes - headerBytes - bytes.length) / recordBytes);
  const addresses = (answer.addresses ?? []).slice(0, room);
  const header = Buffer.alloc(headerBytes);
  packet.copy(header, 0, 0, 2);
  // An answer, recursion as wished and available.
  header[2] = 0x80 | (packet.readUInt8(2) & 0x79);
  header[3] = 0x80 | answer.code;
  header.writeUInt16BE(question === undefined ? 0 : 1, 4);
  header.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((address) => {
    const record = Buffer.alloc(recordBytes);
    record.writeUInt16BE(0xc000 | headerBytes, 0);
    record.writeUInt16BE(type.a, 2);
    record.writeUInt16BE(internetClass, 4);
    record.writeUInt32BE(answer.seconds ?? 0, 6);
    record.writeUInt16BE(4, 10);
    record.set(address.split('.').map(Number), 12);
    return record;
  });
  return { packet: Buffer.concat([header, bytes, ...records]), outside: [] };
}
