/** Checks a payment card: Luhn sum, issuer, expiry. */

import type { CreditCard } from '../../lib/types.ts';

/** `visa`, `mastercard`, another issuer's name, or undefined when the number is wrong. */
export function cardType(number: string): string | undefined {
  const digits = number.replace(/[\s-]/g, '');
  if (!/^\d{12,19}$/.test(digits) || !luhn(digits)) return undefined;
  const four = Number(digits.slice(0, 4));
  if (digits.startsWith('4')) return 'visa';
  if ((four >= 5100 && four <= 5599) || (four >= 2221 && four <= 2720)) return 'mastercard';
  if (/^3[47]/.test(digits)) return 'amex';
  return 'other';
}

function luhn(digits: string): boolean {
  const sum = [...digits].toReversed().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

/** The reason a card is refused, or undefined when it may be charged. A card is good through its month. */
export function refusal(card: CreditCard, now: Date): string | undefined {
  const type = cardType(card.creditCardNumber);
  if (type === undefined) return 'Credit card info is invalid';
  if (type !== 'visa' && type !== 'mastercard') {
    return `Sorry, we cannot process ${type} credit cards. Only VISA or MasterCard is accepted.`;
  }
  const { creditCardExpirationYear: year, creditCardExpirationMonth: month } = card;
  const current = now.getUTCFullYear() * 12 + now.getUTCMonth() + 1;
  if (current > year * 12 + month) {
    const ending = card.creditCardNumber.replace(/[\s-]/g, '').slice(-4);
    return `Your credit card (ending ${ending}) expired on ${month}/${year}`;
  }
  return undefined;
}
