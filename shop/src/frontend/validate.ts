/** Checks what a shopper typed. */

/** An input the shopper must correct: answered with 422. */
export class InvalidInput extends Error {}

function check(condition: boolean, field: string, tag: string): void {
  if (!condition) throw new InvalidInput(`Field '${field}' is invalid: ${tag}`);
}

function text(form: URLSearchParams, name: string, field: string, max: number): string {
  const value = form.get(name) ?? '';
  check(value !== '', field, 'required');
  check(value.length <= max, field, 'max');
  return value;
}

function whole(form: URLSearchParams, name: string, field: string): number {
  const value = Number(form.get(name) ?? '');
  check(Number.isInteger(value), field, 'numeric');
  return value;
}

export function readCartItem(form: URLSearchParams): { productId: string; quantity: number } {
  const productId = text(form, 'product_id', 'ProductID', 64);
  const quantity = whole(form, 'quantity', 'Quantity');
  check(quantity >= 1, 'Quantity', 'gte');
  check(quantity <= 10, 'Quantity', 'lte');
  return { productId, quantity };
}

export function readCurrency(form: URLSearchParams): string {
  const code = form.get('currency_code') ?? '';
  check(/^[A-Z]{3}$/.test(code), 'Currency', 'iso4217');
  return code;
}

export function readOrder(form: URLSearchParams) {
  const email = text(form, 'email', 'Email', 256);
  check(/^[^\s@]+@[^\s@]+$/.test(email), 'Email', 'email');
  const month = whole(form, 'credit_card_expiration_month', 'CcMonth');
  check(month >= 1, 'CcMonth', 'gte');
  check(month <= 12, 'CcMonth', 'lte');
  return {
    email,
    address: {
      streetAddress: text(form, 'street_address', 'StreetAddress', 512),
      city: text(form, 'city', 'City', 128),
      state: text(form, 'state', 'State', 128),
      country: text(form, 'country', 'Country', 128),
      zipCode: whole(form, 'zip_code', 'ZipCode'),
    },
    creditCard: {
      creditCardNumber: text(form, 'credit_card_number', 'CcNumber', 32),
      creditCardExpirationMonth: month,
      creditCardExpirationYear: whole(form, 'credit_card_expiration_year', 'CcYear'),
      creditCardCvv: whole(form, 'credit_card_cvv', 'CcCVV'),
    },
  };
}
