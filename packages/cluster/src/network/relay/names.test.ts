/** The name server's answers, packet by packet. */

import { expect, test } from 'vitest';
import type { Resolver } from '../resolver.ts';
import { answerName } from './names.ts';

const resolver: Pick<Resolver, 'lookup'> = {
  lookup(host, namespace) {
    if (host === 'web.shop.svc.cluster.local') return { type: 'addresses', addresses: ['10.96.0.10'] };
    if (host === 'web') return { type: 'addresses', addresses: namespace === 'shop' ? ['10.96.0.10'] : ['10.96.0.11'] };
    if (host === 'many')
      return { type: 'addresses', addresses: Array.from({ length: 100 }, (_, at) => `10.244.1.${at}`) };
    if (host.endsWith('cluster.local')) return { type: 'unknown', because: '' };
    return { type: 'outside', name: host === 'alias.example' ? 'real.example' : host };
  },
};
const lookupOutside = (name: string): Promise<string[]> => {
  if (name === 'real.example') return Promise.resolve(['192.0.2.1', '192.0.2.2']);
  return Promise.reject(
    Object.assign(new Error(name), { code: name === 'nosuch.example' ? 'ENOTFOUND' : 'EAI_AGAIN' }),
  );
};
const deps = { resolver: resolver as Resolver, lookupOutside };
const types = { A: 1, AAAA: 28, MX: 15 } as const;

function question(name: string, type: keyof typeof types): Buffer {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([0xab, 0xcd, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, types[type], 0, 1]);
}

test.each([
  { name: 'web.shop.svc.cluster.local', type: 'A', code: 0, answers: ['10.96.0.10'], outside: [] },
  { name: 'web', type: 'A', code: 0, answers: ['10.96.0.10'], outside: [] },
  { name: 'web', type: 'AAAA', code: 0, answers: [], outside: [] },
  { name: 'web', type: 'MX', code: 0, answers: [], outside: [] },
  { name: 'nosuch.shop.svc.cluster.local', type: 'A', code: 3, answers: [], outside: [] },
  {
    name: 'real.example',
    type: 'A',
    code: 0,
    answers: ['192.0.2.1', '192.0.2.2'],
    outside: ['192.0.2.1', '192.0.2.2'],
  },
  {
    name: 'alias.example',
    type: 'A',
    code: 0,
    answers: ['192.0.2.1', '192.0.2.2'],
    outside: ['192.0.2.1', '192.0.2.2'],
  },
  { name: 'real.example', type: 'AAAA', code: 0, answers: [], outside: [] },
  { name: 'real.example', type: 'MX', code: 4, answers: [], outside: [] },
  { name: 'nosuch.example', type: 'A', code: 3, answers: [], outside: [] },
  { name: 'slow.example', type: 'A', code: 2, answers: [], outside: [] },
] as const)('$type of $name is answered with $code and $answers', async ({ name, type, code, answers, outside }) => {
  const asked = question(name, type);
  const answer = await answerName(asked, 'shop', deps);
  const packet = answer?.packet ?? Buffer.alloc(0);
  expect(packet.subarray(0, 2)).toEqual(asked.subarray(0, 2));
  expect(packet.readUInt16BE(2) & 0x8f8f).toBe((0x8180 & 0x8f80) | code);
  expect(packet.subarray(12, asked.length)).toEqual(asked.subarray(12));
  expect(addressesOf(packet, asked.length)).toEqual(answers);
  expect(answer?.outside).toEqual(outside);
});

test('an answer is never longer than a packet', async () => {
  const asked = question('many', 'A');
  const { packet } = (await answerName(asked, 'shop', deps)) ?? { packet: Buffer.alloc(0) };
  expect(packet.length).toBeLessThanOrEqual(512);
  expect(packet.readUInt16BE(6)).toBe(addressesOf(packet, asked.length).length);
});

test.each([
  { what: 'an answer', packet: Buffer.from([0, 0, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0]), code: undefined },
  { what: 'less than a header', packet: Buffer.from([0, 0, 1]), code: undefined },
  {
    what: 'a name that goes on beyond the end',
    packet: Buffer.concat([question('web', 'A').subarray(0, 14)]),
    code: 1,
  },
  { what: 'no question', packet: Buffer.from([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), code: 1 },
])('$what gets $code', async ({ packet, code }) => {
  const answer = await answerName(packet, 'shop', deps);
  expect(answer === undefined ? undefined : answer.packet.readUInt8(3) & 0x0f).toBe(code);
});

function addressesOf(packet: Buffer, from: number): string[] {
  const addresses: string[] = [];
  for (let at = from; at < packet.length; at += 16) {
    expect(packet.readUInt16BE(at)).toBe(0xc00c);
    addresses.push([...packet.subarray(at + 12, at + 16)].join('.'));
  }
  return addresses;
}
