/** The shop's rules that callers rely on, as tables. */

import { describe, expect, test } from 'vitest';
import { encode, RespParser } from '../shop/src/cartservice/resp.ts';
import { convert } from '../shop/src/currencyservice/convert.ts';
import { cardType, refusal } from '../shop/src/paymentservice/card.ts';
import { trackingId } from '../shop/src/shippingservice/tracking.ts';
import { add, multiply } from '../shop/lib/money.ts';
import { parseDurationMs } from '../shop/lib/settings.ts';

describe('currencyservice converts as the original does', () => {
  test.each([
    { usd: [19, 990000000], to: 'EUR', want: [17, 682441398] },
    { usd: [19, 990000000], to: 'JPY', want: [2235, 60592707] },
    { usd: [18, 990000000], to: 'GBP', want: [14, 441134896] },
    { usd: [109, 990000000], to: 'CAD', want: [147, 185203007] },
    { usd: [89, 990000000], to: 'TRY', want: [487, 538038923] },
    { usd: [24, 990000000], to: 'EUR', want: [22, 105263158] },
    { usd: [5, 490000000], to: 'JPY', want: [613, 831048235] },
    { usd: [8, 990000000], to: 'USD', want: [8, 990000000] },
  ])('USD $usd to $to', ({ usd: [units = 0, nanos = 0], to, want }) => {
    const result = convert({ currencyCode: 'USD', units, nanos }, to);

    expect([result?.units, result?.nanos]).toEqual(want);
  });

  test('an unknown currency has no result', () => {
    expect(convert({ currencyCode: 'USD', units: 1, nanos: 0 }, 'XXX')).toBeUndefined();
  });
});

describe('paymentservice', () => {
  const card = { creditCardCvv: 1, creditCardExpirationYear: 2030, creditCardExpirationMonth: 1 };

  test.each([
    { number: '4432-8015-6152-0454', want: 'visa' },
    { number: '5555555555554444', want: 'mastercard' },
    { number: '378282246310005', want: 'amex' },
    { number: '4432801561520455', want: undefined },
  ])('$number is $want', ({ number, want }) => {
    expect(cardType(number)).toBe(want);
  });

  test('a card is good through its month', () => {
    const visa = { ...card, creditCardNumber: '4432801561520454' };

    expect(refusal(visa, new Date('2030-01-31T00:00:00Z'))).toBeUndefined();
    expect(refusal(visa, new Date('2030-02-01T00:00:00Z'))).toBe('Your credit card (ending 0454) expired on 1/2030');
  });
});

test('tracking numbers have their form', () => {
  expect(trackingId('1 Lock Cottage, Canal Town, CA', (below) => below - 1)).toMatch(/^[A-Y]{2}-\d+\d{3}-\d+\d{7}$/);
});

test('money keeps billionths exact', () => {
  const price = { currencyCode: 'USD', units: 8, nanos: 990_000_000 };

  expect(multiply(price, 3)).toEqual({ currencyCode: 'USD', units: 26, nanos: 970_000_000 });
  expect(add(price, price)).toEqual({ currencyCode: 'USD', units: 17, nanos: 980_000_000 });
});

test.each([
  { text: '5.5s', want: 5500 },
  { text: '1m30s', want: 90_000 },
  { text: '', want: 0 },
])('duration $text', ({ text, want }) => {
  expect(parseDurationMs(text)).toBe(want);
});

test('RESP values survive being cut anywhere', () => {
  const bytes = encode([Buffer.from('SET'), Buffer.from('k'), Buffer.from('v\r\n')]);
  const parser = new RespParser();

  const values = [...bytes].flatMap((byte) => parser.push(Buffer.from([byte])));

  expect(values).toEqual([[Buffer.from('SET'), Buffer.from('k'), Buffer.from('v\r\n')]]);
});
