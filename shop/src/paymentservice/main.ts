/** paymentservice: charges cards, in name only. */

import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { log } from '../../lib/log.ts';
import { RpcError, serve } from '../../lib/server.ts';
import { refusal } from './card.ts';

serve({
  service: 'PaymentService',
  port: 50051,
  handlers: {
    Charge({ amount, creditCard }) {
      const reason = refusal(creditCard, new Date());
      if (reason !== undefined) throw new RpcError(status.INVALID_ARGUMENT, reason);
      const transactionId = randomUUID();
      log('INFO', 'charged', { transactionId, currency: amount.currencyCode, units: amount.units });
      return { transactionId };
    },
  },
});
