/** checkoutservice: turns a cart into an order, step by step. */

import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { connect } from '../../lib/client.ts';
import { log } from '../../lib/log.ts';
import { add, multiply, zero } from '../../lib/money.ts';
import { RpcError, serve } from '../../lib/server.ts';
import { setting } from '../../lib/settings.ts';
import type { CartItem, Money } from '../../lib/types.ts';

const cart = connect('CartService', setting('CART_SERVICE_ADDR'));
const catalog = connect('ProductCatalogService', setting('PRODUCT_CATALOG_SERVICE_ADDR'));
const currency = connect('CurrencyService', setting('CURRENCY_SERVICE_ADDR'));
const shipping = connect('ShippingService', setting('SHIPPING_SERVICE_ADDR'));
const payment = connect('PaymentService', setting('PAYMENT_SERVICE_ADDR'));
const email = connect('EmailService', setting('EMAIL_SERVICE_ADDR'));

/** Names the step that failed. */
async function step<Value>(what: string, work: Promise<Value>, code = status.INTERNAL): Promise<Value> {
  try {
    return await work;
  } catch (error) {
    throw new RpcError(code, `${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Prices are asked for in the order of the cart. */
async function priced(items: readonly CartItem[], toCode: string): Promise<{ item: CartItem; cost: Money }[]> {
  const result: { item: CartItem; cost: Money }[] = [];
  for (const item of items) {
    const id = JSON.stringify(item.productId);
    const product = await step(
      `failed to prepare order: failed to get product #${id}`,
      catalog.GetProduct({ id: item.productId }),
    );
    const cost = await step(
      `failed to prepare order: failed to convert price of ${id} to ${toCode}`,
      currency.Convert({ from: product.priceUsd, toCode }),
    );
    result.push({ item, cost });
  }
  return result;
}

serve({
  service: 'CheckoutService',
  port: 5050,
  handlers: {
    async PlaceOrder({ userId, userCurrency, address, email: to, creditCard }) {
      const orderId = randomUUID();
      const { items: cartItems } = await step('cart failure', cart.GetCart({ userId }));
      const items = await priced(cartItems, userCurrency);
      const { costUsd } = await step('shipping quote failure', shipping.GetQuote({ address, items: cartItems }));
      const shippingCost = await step(
        'failed to convert shipping cost to currency',
        currency.Convert({ from: costUsd, toCode: userCurrency }),
      );
      const goods = items.map(({ item, cost }) => multiply(cost, item.quantity));
      const total = [shippingCost, ...goods].reduce(add, zero(userCurrency));
      const charge = payment.Charge({ amount: total, creditCard });
      const { transactionId } = await step('failed to charge card: could not charge the card', charge);
      log('INFO', 'payment went through', { transactionId });
      const shipped = shipping.ShipOrder({ address, items: cartItems });
      const { trackingId } = await step('shipping error', shipped, status.UNAVAILABLE);
      // The order stands, whatever happens to the emptied cart and the mail.
      await cart.EmptyCart({ userId }).catch(() => undefined);
      const order = { orderId, shippingTrackingId: trackingId, shippingCost, shippingAddress: address, items };
      await email.SendOrderConfirmation({ email: to, order }).catch((error: unknown) => {
        log('WARNING', 'failed to send order confirmation', { error: error instanceof Error ? error.message : '' });
      });
      return { order };
    },
  },
});
