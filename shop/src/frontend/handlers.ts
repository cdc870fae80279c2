/** What each page does: asks the backends, then renders. */

import { add, multiply, zero } from '../../lib/money.ts';
import type { Backends } from './backends.ts';
import { cartPage, cartSize, homePage, orderPage, productPage, type Frame } from './pages.ts';
import { readCartItem, readCurrency, readOrder } from './validate.ts';

/** One request, parsed. */
export interface Visit {
  readonly userId: string;
  readonly currency: string;
  readonly form: URLSearchParams;
  readonly referer: string | undefined;
  /** The frame before the backends were asked. */
  readonly frame: Frame;
}

export interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly location?: string;
  readonly cookies?: readonly string[];
  readonly type?: string;
}

const cookieSeconds = 172_800;

export function cookie(name: string, value: string): string {
  return `${name}=${value}; Path=/; Max-Age=${value === '' ? 0 : cookieSeconds}`;
}

async function framed(backends: Backends, visit: Visit) {
  const [currencies, items] = await Promise.all([backends.currencies(), backends.items(visit.userId)]);
  return { frame: { ...visit.frame, currencies, cartSize: cartSize(items) }, items };
}

export async function home(backends: Backends, visit: Visit): Promise<Answer> {
  const [{ frame }, products, ad] = await Promise.all([framed(backends, visit), backends.products(), backends.ad([])]);
  const convert = (product: (typeof products)[number]) => backends.convert(product.priceUsd, visit.currency);
  const priced = await Promise.all(products.map(async (product) => ({ product, price: await convert(product) })));
  return { status: 200, body: homePage(frame, priced, ad) };
}

export async function product(backends: Backends, visit: Visit, id: string): Promise<Answer> {
  const [{ frame }, shown] = await Promise.all([framed(backends, visit), backends.product(id)]);
  const [price, recommendations, ad] = await Promise.all([
    backends.convert(shown.priceUsd, visit.currency),
    backends.recommendations(visit.userId, [id]),
    backends.ad(shown.categories),
  ]);
  return { status: 200, body: productPage(frame, { product: shown, price, recommendations, ad }) };
}

export async function viewCart(backends: Backends, visit: Visit): Promise<Answer> {
  const { frame, items } = await framed(backends, visit);
  const [shipping, recommendations, lines] = await Promise.all([
    backends.quote(items, visit.currency),
    backends.recommendations(
      visit.userId,
      items.map((item) => item.productId),
    ),
    Promise.all(
      items.map(async ({ productId, quantity }) => {
        const shown = await backends.product(productId);
        const price = await backends.convert(shown.priceUsd, visit.currency);
        return { product: shown, price, quantity, total: multiply(price, quantity) };
      }),
    ),
  ]);
  const total = lines.map((line) => line.total).reduce(add, shipping);
  const year = new Date().getFullYear();
  return { status: 200, body: cartPage(frame, { lines, shipping, total, recommendations, year }) };
}

export async function addToCart(backends: Backends, visit: Visit): Promise<Answer> {
  const item = readCartItem(visit.form);
  await backends.product(item.productId);
  await backends.cart.AddItem({ userId: visit.userId, item });
  return { status: 302, location: '/cart' };
}

export async function emptyCart(backends: Backends, visit: Visit): Promise<Answer> {
  await backends.cart.EmptyCart({ userId: visit.userId });
  return { status: 302, location: '/' };
}

export function setCurrency(visit: Visit): Answer {
  const code = readCurrency(visit.form);
  return { status: 302, location: sameSite(visit.referer), cookies: [cookie('shop_currency', code)] };
}

/** Only the path of the referring page: never a redirect to another site. */
function sameSite(referer: string | undefined): string {
  try {
    return referer === undefined ? '/' : new URL(referer).pathname;
  } catch {
    return '/';
  }
}

export async function placeOrder(backends: Backends, visit: Visit): Promise<Answer> {
  const order = readOrder(visit.form);
  const placed = await backends.checkout
    .PlaceOrder({ userId: visit.userId, userCurrency: visit.currency, ...order })
    .catch((error: unknown) => {
      throw new Error(`failed to complete the order: ${error instanceof Error ? error.message : String(error)}`);
    });
  const result = placed.order;
  const goods = result.items.map(({ item, cost }) => multiply(cost, item.quantity));
  const total = [result.shippingCost, ...goods].reduce(add, zero(visit.currency));
  const currencies = await backends.currencies();
  return { status: 200, body: orderPage({ ...visit.frame, currencies, cartSize: 0 }, result, total) };
}
