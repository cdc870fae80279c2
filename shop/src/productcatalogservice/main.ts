/** productcatalogservice: lists, finds and searches products. SIGUSR1 makes it slow on purpose, SIGUSR2 well again. */

import { status } from '@grpc/grpc-js';
import { log } from '../../lib/log.ts';
import { RpcError, serve } from '../../lib/server.ts';
import type { Product } from '../../lib/types.ts';
import { products } from './products.ts';

/** The defect that SIGUSR1 turns on: the whole catalogue is copied many times over for each request. */
let rereads = false;
process.on('SIGUSR1', () => {
  rereads = true;
  log('INFO', 'the catalogue is read again on every request');
});
process.on('SIGUSR2', () => {
  rereads = false;
  log('INFO', 'the catalogue is kept in memory');
});

function catalogue(): readonly Product[] {
  if (!rereads) return products;
  let copy = products;
  for (let round = 0; round < 2000; round++) copy = JSON.parse(JSON.stringify(copy)) as Product[];
  return copy;
}

serve({
  service: 'ProductCatalogService',
  port: 3550,
  handlers: {
    ListProducts: () => ({ products: [...catalogue()] }),
    GetProduct({ id }) {
      const found = catalogue().find((product) => product.id === id);
      if (found === undefined) throw new RpcError(status.NOT_FOUND, `no product with ID ${id}`);
      return found;
    },
    SearchProducts({ query }) {
      const text = query.toLowerCase();
      const matches = (product: Product): boolean =>
        product.name.toLowerCase().includes(text) || product.description.toLowerCase().includes(text);
      return { results: catalogue().filter(matches) };
    },
  },
});
