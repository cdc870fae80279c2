/** recommendationservice: products a shopper has not picked yet. */

import { connect } from '../../lib/client.ts';
import { serve } from '../../lib/server.ts';
import { setting } from '../../lib/settings.ts';

const maxRecommendations = 5;
const catalog = connect('ProductCatalogService', setting('PRODUCT_CATALOG_SERVICE_ADDR'));

/** A random sample without repetition. */
function sample<Item>(items: readonly Item[], count: number): Item[] {
  const rest = [...items];
  return Array.from({ length: Math.min(count, rest.length) }, () =>
    rest.splice(Math.floor(Math.random() * rest.length), 1),
  ).flat();
}

serve({
  service: 'RecommendationService',
  port: 8080,
  handlers: {
    async ListRecommendations({ productIds }) {
      const { products } = await catalog.ListProducts({});
      const others = products.map((product) => product.id).filter((id) => !productIds.includes(id));
      return { productIds: sample(others, maxRecommendations) };
    },
  },
});
