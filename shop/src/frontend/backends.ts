/** The services behind the frontend. */

import { connect } from '../../lib/client.ts';
import { setting } from '../../lib/settings.ts';
import type { Ad, CartItem, Money, Product } from '../../lib/types.ts';

/** The currencies shoppers may choose. */
const shownCurrencies = new Set(['USD', 'EUR', 'CAD', 'JPY', 'GBP', 'TRY']);
/** An advertisement that is late is left out. */
const adTimeoutMs = 100;
const shownRecommendations = 4;

export function connectBackends() {
  const catalog = connect('ProductCatalogService', setting('PRODUCT_CATALOG_SERVICE_ADDR'));
  const currency = connect('CurrencyService', setting('CURRENCY_SERVICE_ADDR'));
  const cart = connect('CartService', setting('CART_SERVICE_ADDR'));
  const recommendation = connect('RecommendationService', setting('RECOMMENDATION_SERVICE_ADDR'));
  const shipping = connect('ShippingService', setting('SHIPPING_SERVICE_ADDR'));
  const checkout = connect('CheckoutService', setting('CHECKOUT_SERVICE_ADDR'));
  const ads = connect('AdService', setting('AD_SERVICE_ADDR'));
  const emptyAddress = { streetAddress: '', city: '', state: '', country: '', zipCode: 0 };
  return {
    checkout,
    cart,
    product: (id: string): Promise<Product> => catalog.GetProduct({ id }),
    products: async (): Promise<Product[]> => (await catalog.ListProducts({})).products,
    async currencies(): Promise<string[]> {
      const { currencyCodes } = await currency.GetSupportedCurrencies({});
      return currencyCodes.filter((code) => shownCurrencies.has(code));
    },
    convert: (from: Money, toCode: string): Promise<Money> => currency.Convert({ from, toCode }),
    items: async (userId: string): Promise<CartItem[]> => (await cart.GetCart({ userId })).items,
    async quote(items: CartItem[], toCode: string): Promise<Money> {
      const { costUsd } = await shipping.GetQuote({ address: emptyAddress, items });
      return currency.Convert({ from: costUsd, toCode });
    },
    /** Empty when the service fails: the page is worth more than the recommendation. */
    async recommendations(userId: string, productIds: string[]): Promise<Product[]> {
      try {
        const answer = await recommendation.ListRecommendations({ userId, productIds });
        return await Promise.all(
          answer.productIds.slice(0, shownRecommendations).map((id) => catalog.GetProduct({ id })),
        );
      } catch {
        return [];
      }
    },
    async ad(contextKeys: string[]): Promise<Ad | undefined> {
      try {
        const answer = await ads.GetAds({ contextKeys }, { timeoutMs: adTimeoutMs });
        return answer.ads[Math.floor(Math.random() * answer.ads.length)];
      } catch {
        return undefined;
      }
    },
  };
}

export type Backends = ReturnType<typeof connectBackends>;
