/** The pages of the shop. */

import type { Ad, CartItem, Money, OrderResult, Product } from '../../lib/types.ts';
import { html, Html } from './html.ts';
import style from './page.css';

/** What every page shows around its content. */
export interface Frame {
  readonly currency: string;
  readonly currencies: readonly string[];
  readonly cartSize: number;
  readonly sessionId: string;
  readonly requestId: string;
  readonly pod: string;
  readonly bannerColor: string;
  readonly message: string;
}

const logos: Readonly<Record<string, string>> = { USD: '$', CAD: '$', JPY: '¥', EUR: '€', TRY: '₺', GBP: '£' };

/** Sign, units, a dot and two digits. */
export function renderMoney(amount: Money): string {
  const cents = String(Math.floor(amount.nanos / 10_000_000)).padStart(2, '0');
  return `${logos[amount.currencyCode] ?? '$'}${amount.units}.${cents}`;
}

function page(frame: Frame, title: string, content: Html): string {
  const options = frame.currencies.map(
    (code) => html`<option value="${code}" ${code === frame.currency ? html`selected` : undefined}>${code}</option>`,
  );
  const banner =
    frame.bannerColor === ''
      ? undefined
      : html`<div class="banner" style="background:${frame.bannerColor}">${frame.message}</div>`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <title>${title} · Lockside Shop</title>
        <style>
          ${new Html(style)}
        </style>
      </head>
      <body>
        ${banner}
        <header>
          <h1><a href="/">Lockside Shop</a></h1>
          <nav>
            <form method="post" action="/setCurrency">
              <select name="currency_code" aria-label="Currency" onchange="this.form.submit()">
                ${options}
              </select>
            </form>
            <a href="/cart">Cart (${frame.cartSize})</a>
          </nav>
        </header>
        <main>${content}</main>
        <footer>session ${frame.sessionId} · request ${frame.requestId} · Pod: ${frame.pod}</footer>
      </body>
    </html>`.text;
}

export interface PricedProduct {
  readonly product: Product;
  readonly price: Money;
}

function adBlock(ad: Ad | undefined): Html | undefined {
  return ad === undefined ? undefined : html`<a class="ad" href="${ad.redirectUrl}">Ad: ${ad.text}</a>`;
}

function card({ product, price }: { product: Product; price?: Money }): Html {
  return html`<li class="card">
    <a href="/product/${product.id}"
      ><img src="${product.picture}" alt="" width="200" height="200" />
      <strong>${product.name}</strong>${price === undefined ? undefined : renderMoney(price)}</a
    >
  </li>`;
}

export function homePage(frame: Frame, products: readonly PricedProduct[], ad: Ad | undefined): string {
  return page(
    frame,
    'Hot products',
    html`<h2>Hot products</h2>
      <ul class="grid">
        ${products.map(card)}
      </ul>
      ${adBlock(ad)}`,
  );
}

function recommendationBlock(products: readonly Product[]): Html | undefined {
  if (products.length === 0) return undefined;
  return html`<h3>You may also like</h3>
    <ul class="grid">
      ${products.map((product) => card({ product }))}
    </ul>`;
}

export function productPage(
  frame: Frame,
  shown: PricedProduct & { readonly recommendations: readonly Product[]; readonly ad: Ad | undefined },
): string {
  const { product, price } = shown;
  const amounts = Array.from({ length: 10 }, (_unused, index) => html`<option>${index + 1}</option>`);
  return page(
    frame,
    product.name,
    html`<div class="product">
        <img src="${product.picture}" alt="" width="400" height="400" />
        <div>
          <h2>${product.name}</h2>
          <p><strong>${renderMoney(price)}</strong></p>
          <p>${product.description}</p>
          <form method="post" action="/cart">
            <input type="hidden" name="product_id" value="${product.id}" />
            <label
              >Quantity
              <select name="quantity">
                ${amounts}
              </select></label
            >
            <p><button>Add to cart</button></p>
          </form>
        </div>
      </div>
      ${recommendationBlock(shown.recommendations)}${adBlock(shown.ad)}`,
  );
}

export interface CartLine extends PricedProduct {
  readonly quantity: number;
  readonly total: Money;
}

const orderFields: readonly (readonly [string, string, string])[] = [
  ['email', 'E-mail', 'someone@example.com'],
  ['street_address', 'Street', '1600 Amphitheatre Parkway'],
  ['zip_code', 'Zip code', '94043'],
  ['city', 'City', 'Mountain View'],
  ['state', 'State', 'CA'],
  ['country', 'Country', 'United States'],
  ['credit_card_number', 'Card number', '4432801561520454'],
  ['credit_card_expiration_month', 'Month', '1'],
  ['credit_card_cvv', 'CVV', '672'],
];

function checkoutForm(thisYear: number): Html {
  const fields = orderFields.map(
    ([name, label, value]) => html`<label>${label}<input name="${name}" value="${value}" required /></label>`,
  );
  const years = Array.from({ length: 5 }, (_unused, index) => thisYear + index);
  const options = years.map(
    (year, index) => html`<option ${index === 1 ? html`selected` : undefined}>${year}</option>`,
  );
  return html`<h3>Checkout</h3>
    <form class="order" method="post" action="/cart/checkout">
      ${fields}
      <label
        >Year<select name="credit_card_expiration_year">
          ${options}
        </select></label
      >
      <p><button>Place order</button></p>
    </form>`;
}

export function cartPage(
  frame: Frame,
  cart: {
    lines: readonly CartLine[];
    shipping: Money;
    total: Money;
    recommendations: readonly Product[];
    year: number;
  },
): string {
  if (cart.lines.length === 0) {
    return page(
      frame,
      'Cart',
      html`<h2>Your cart is empty</h2>
        <p><a href="/">Browse products</a></p>
        ${recommendationBlock(cart.recommendations)}`,
    );
  }
  const rows = cart.lines.map(
    (line) =>
      html`<tr>
        <td><a href="/product/${line.product.id}">${line.product.name}</a></td>
        <td>${line.quantity}</td>
        <td>${renderMoney(line.total)}</td>
      </tr>`,
  );
  return page(
    frame,
    'Cart',
    html`<h2>Cart</h2>
      <table>
        <thead>
          <tr>
            <th>Product</th>
            <th>Quantity</th>
            <th>Price</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
          <tr>
            <td>Shipping</td>
            <td></td>
            <td>${renderMoney(cart.shipping)}</td>
          </tr>
          <tr>
            <th>Total</th>
            <th></th>
            <th>${renderMoney(cart.total)}</th>
          </tr>
        </tbody>
      </table>
      <form method="post" action="/cart/empty">
        <p><button>Empty cart</button></p>
      </form>
      ${checkoutForm(cart.year)} ${recommendationBlock(cart.recommendations)}`,
  );
}

export function orderPage(frame: Frame, order: OrderResult, total: Money): string {
  return page(
    frame,
    'Order complete',
    html`<h2>Your order is complete</h2>
      <table>
        <tbody>
          <tr>
            <td>Confirmation</td>
            <td>${order.orderId}</td>
          </tr>
          <tr>
            <td>Tracking</td>
            <td>${order.shippingTrackingId}</td>
          </tr>
          <tr>
            <td>Paid</td>
            <td>${renderMoney(total)}</td>
          </tr>
        </tbody>
      </table>
      <p><a href="/">Keep browsing</a></p>`,
  );
}

export function errorPage(frame: Frame, code: number, name: string, detail: string): string {
  return page(
    frame,
    'Error',
    html`<h2>Uh, oh!</h2>
      <p>Something has failed. Below are some details for debugging.</p>
      <p>HTTP Status: ${code} ${name}</p>
      <pre>${detail}</pre>`,
  );
}

/** How many pieces are in a cart. */
export function cartSize(items: readonly CartItem[]): number {
  return items.reduce((sum, item) => sum + item.quantity, 0);
}
