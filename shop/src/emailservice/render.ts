/** The confirmation mail of an order. */

import type { Money, OrderResult } from '../../lib/types.ts';

function money(amount: Money): string {
  return `${amount.currencyCode} ${amount.units}.${String(Math.floor(amount.nanos / 10_000_000)).padStart(2, '0')}`;
}

export function renderConfirmation(order: OrderResult): string {
  const { streetAddress, city, state, country, zipCode } = order.shippingAddress;
  const lines = order.items.map(({ item, cost }) => `  ${item.quantity} × ${item.productId}  ${money(cost)}`);
  return [
    'Thank you for your order!',
    `Order ${order.orderId}, tracking number ${order.shippingTrackingId}`,
    `Shipping: ${money(order.shippingCost)} to ${streetAddress}, ${city} ${state} ${zipCode}, ${country}`,
    ...lines,
  ].join('\n');
}
