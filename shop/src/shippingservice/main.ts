/** shippingservice: quotes a flat price and hands out tracking numbers. */

import { serve } from '../../lib/server.ts';
import { trackingId } from './tracking.ts';

serve({
  service: 'ShippingService',
  port: 50051,
  handlers: {
    GetQuote({ items }) {
      const count = items.reduce((sum, item) => sum + item.quantity, 0);
      const [units, nanos] = count === 0 ? [0, 0] : [8, 990_000_000];
      return { costUsd: { currencyCode: 'USD', units, nanos } };
    },
    ShipOrder({ address }) {
      const base = `${address.streetAddress}, ${address.city}, ${address.state}`;
      return { trackingId: trackingId(base, (below) => Math.floor(Math.random() * below)) };
    },
  },
});
