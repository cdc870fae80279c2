/** IP addresses and networks. Source: apiserver pkg/cel/library, ip.go and cidr.go. */

import { isIP } from 'node:net';
import { B, func, I, kubernetesType, method, S, type Overload } from '../overload.ts';
import { CelFailure, Opaque } from '../values.ts';

/** An address by its bytes: 4 or 16. */
class Address extends Opaque {
  readonly typeName = 'net.IP';
  readonly bytes: readonly number[];

  constructor(bytes: readonly number[]) {
    super();
    this.bytes = bytes;
  }

  override get size(): number {
    return this.bytes.length;
  }

  equals(other: Opaque): boolean {
    return other instanceof Address && this.text === other.text;
  }

  /** The canonical form. */
  get text(): string {
    return this.bytes.length === 4 ? this.bytes.join('.') : groupsText(this.bytes);
  }
}

/** An address and the length of its prefix. */
class Network extends Opaque {
  readonly typeName = 'net.CIDR';
  readonly address: Address;
  readonly bits: number;

  constructor(address: Address, bits: number) {
    super();
    this.address = address;
    this.bits = bits;
  }

  override get size(): number {
    return Math.ceil(this.bits / 8);
  }

  equals(other: Opaque): boolean {
    return other instanceof Network && this.bits === other.bits && this.address.equals(other.address);
  }
}

/** The longest run of zero groups becomes `::`, as RFC 5952 has it. */
function groupsText(bytes: readonly number[]): string {
  const groups = Array.from(
    { length: 8 },
    (_none, index) => (bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0),
  );
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

function bytesOf(text: string): number[] {
  if (isIP(text) === 4) return text.split('.').map(Number);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const last = (dotted?.[2] ?? '').split('.').map(Number);
  const tail = dotted === null ? [] : [last.slice(0, 2), last.slice(2)].map(([high = 0, low = 0]) => high * 256 + low);
  const [before = '', after] = (dotted?.[1]?.replace(/([^:]):$/, '$1') ?? text).split('::');
  const groups = (part: string): number[] =>
    part.split(':').flatMap((group) => (group === '' ? [] : [Number.parseInt(group, 16)]));
  const end = [...(after === undefined ? [] : groups(after)), ...tail];
  const start = groups(before);
  const zeros = after === undefined ? [] : Array.from({ length: 8 - start.length - end.length }, () => 0);
  return [...start, ...zeros, ...end].flatMap((group) => [group >> 8, group & 255]);
}

/** Why Go's netip cannot read an address. */
function goParseProblem(text: string): string {
  const failed = `ParseAddr(${JSON.stringify(text)}): `;
  const first = /[.:%]/.exec(text)?.[0];
  if (first !== '.') return `${failed}${first === '%' ? 'missing IPv6 address' : 'unable to parse IP'}`;
  const wrong = /[^0-9.]/.exec(text);
  if (wrong !== null) return `${failed}unexpected character (at ${JSON.stringify(text.slice(wrong.index))})`;
  const fields = text.split('.');
  if (fields.some((field) => field.length > 1 && field.startsWith('0')))
    return `${failed}IPv4 field has octet with leading zero`;
  if (fields.some((field) => Number(field) > 255)) return `${failed}IPv4 field has value >255`;
  const short = fields.findIndex((field) => field === '');
  if (short >= 0)
    return `${failed}IPv4 field must have at least one digit (at ${JSON.stringify(fields.slice(short).join('.'))})`;
  return `${failed}IPv4 address too ${fields.length < 4 ? 'short' : 'long'}`;
}

/** An address, or why the text is none. */
function parseAddress(text: string): Address | string {
  if (text.includes('%') && isIP(text) === 6)
    return `IP address ${JSON.stringify(text)} with zone value is not allowed`;
  if (isIP(text) === 0)
    return `IP Address ${JSON.stringify(text)} parse error during conversion from string: ${goParseProblem(text)}`;
  const bytes = bytesOf(text);
  if (isMapped(bytes)) return `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`;
  return new Address(bytes);
}

function isMapped(bytes: readonly number[]): boolean {
  return (
    bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255
  );
}

function parseNetwork(text: string): Network | string {
  const prefix = 'network address parse error during conversion from string: ';
  const match = /^(.*)\/(0|[1-9]\d{0,2})$/.exec(text);
  const [, address = '', bits = ''] = match ?? [];
  if (match === null) return `${prefix}netip.ParsePrefix(${JSON.stringify(text)}): no '/'`;
  if (isIP(address) === 0 || address.includes('%'))
    return `${prefix}netip.ParsePrefix(${JSON.stringify(text)}): ${goParseProblem(address)}`;
  const bytes = bytesOf(address);
  if (isMapped(bytes)) return `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`;
  if (Number(bits) > bytes.length * 8)
    return `${prefix}netip.ParsePrefix(${JSON.stringify(text)}): prefix length out of range`;
  return new Network(new Address(bytes), Number(bits));
}

function toAddress(text: string): Address {
  const parsed = parseAddress(text);
  if (typeof parsed === 'string') throw new CelFailure(parsed);
  return parsed;
}

function toNetwork(text: string): Network {
  const parsed = parseNetwork(text);
  if (typeof parsed === 'string')
    throw new CelFailure(`network address parse error during conversion from string: ${parsed}`);
  return parsed;
}

function masked({ address, bits }: Network): Network {
  const bytes = address.bytes.map((byte, index) => {
    const kept = Math.max(0, Math.min(8, bits - 8 * index));
    return byte & (0xff << (8 - kept)) & 0xff;
  });
  return new Network(new Address(bytes), bits);
}

function contains(network: Network, address: Address): boolean {
  if (address.bytes.length !== network.address.bytes.length) return false;
  return masked(new Network(address, network.bits)).address.equals(masked(network).address);
}

function isLoopback({ bytes }: Address): boolean {
  return bytes.length === 4 ? bytes[0] === 127 : bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1;
}

function isMulticast({ bytes }: Address): boolean {
  return bytes.length === 4 ? (bytes[0] ?? 0) >> 4 === 14 : bytes[0] === 255;
}

function isLinkLocalMulticast({ bytes: [first = 0, second = 0, third = 0], size }: Address): boolean {
  return size === 4 ? first === 224 && second === 0 && third === 0 : first === 255 && (second & 15) === 2;
}

function isLinkLocalUnicast({ bytes: [first = 0, second = 0], size }: Address): boolean {
  return size === 4 ? first === 169 && second === 254 : first === 254 && (second & 0xc0) === 0x80;
}

function isUnspecified({ bytes }: Address): boolean {
  return bytes.every((byte) => byte === 0);
}

function isGlobalUnicast(address: Address): boolean {
  if (address.size === 4 && address.bytes.every((byte) => byte === 255)) return false;
  return !isUnspecified(address) && !isLoopback(address) && !isMulticast(address) && !isLinkLocalUnicast(address);
}

const IP = kubernetesType<Address>('net.IP', 'opaque');
const CIDR = kubernetesType<Network>('net.CIDR', 'opaque');

export const addressFunctions: readonly Overload[] = [
  func('ip', { id: 'string_to_ip', args: [S], result: IP, run: toAddress }),
  method('family', { id: 'ip_family', args: [IP], result: I, run: (a) => (a.bytes.length === 4 ? 4n : 6n) }),
  func('ip.isCanonical', { id: 'ip_is_canonical', args: [S], result: B, run: (a) => toAddress(a).text === a }),
  method('isUnspecified', { id: 'ip_is_unspecified', args: [IP], result: B, run: isUnspecified }),
  method('isLoopback', { id: 'ip_is_loopback', args: [IP], result: B, run: isLoopback }),
  method('isLinkLocalMulticast', {
    id: 'ip_is_link_local_multicast',
    args: [IP],
    result: B,
    run: isLinkLocalMulticast,
  }),
  method('isLinkLocalUnicast', { id: 'ip_is_link_local_unicast', args: [IP], result: B, run: isLinkLocalUnicast }),
  method('isGlobalUnicast', { id: 'ip_is_global_unicast', args: [IP], result: B, run: isGlobalUnicast }),
  func('isIP', { id: 'is_ip', args: [S], result: B, run: (a) => typeof parseAddress(a) !== 'string' }),
  func('string', { id: 'ip_to_string', args: [IP], result: S, run: (a) => a.text }),
  func('cidr', { id: 'string_to_cidr', args: [S], result: CIDR, run: toNetwork }),
  method('containsIP', {
    id: 'cidr_contains_ip_string',
    args: [CIDR, S],
    result: B,
    run: (a, b) => contains(a, toAddress(b)),
  }),
  method('containsIP', { id: 'cidr_contains_ip_ip', args: [CIDR, IP], result: B, run: contains }),
  method('containsCIDR', {
    id: 'cidr_contains_cidr_string',
    args: [CIDR, S],
    result: B,
    run: (a, b) => containsNetwork(a, toNetwork(b)),
  }),
  method('containsCIDR', { id: 'cidr_contains_cidr', args: [CIDR, CIDR], result: B, run: containsNetwork }),
  method('ip', { id: 'cidr_ip', args: [CIDR], result: IP, run: (a) => a.address }),
  method('prefixLength', { id: 'cidr_prefix_length', args: [CIDR], result: I, run: (a) => BigInt(a.bits) }),
  method('masked', { id: 'cidr_masked', args: [CIDR], result: CIDR, run: masked }),
  func('isCIDR', { id: 'is_cidr', args: [S], result: B, run: (a) => typeof parseNetwork(a) !== 'string' }),
  func('string', { id: 'cidr_to_string', args: [CIDR], result: S, run: (a) => `${a.address.text}/${a.bits}` }),
];

function containsNetwork(network: Network, other: Network): boolean {
  return network.bits <= other.bits && contains(network, other.address);
}
