/** currencyservice: the currencies of the shop and conversions between them. */

import { status } from '@grpc/grpc-js';
import { RpcError, serve } from '../../lib/server.ts';
import { convert } from './convert.ts';
import { ratesPerEuro } from './rates.ts';

serve({
  service: 'CurrencyService',
  port: 7000,
  handlers: {
    GetSupportedCurrencies: () => ({ currencyCodes: Object.keys(ratesPerEuro) }),
    Convert({ from, toCode }) {
      const result = convert(from, toCode);
      if (result === undefined) {
        throw new RpcError(status.INVALID_ARGUMENT, `unknown currency in ${from.currencyCode} to ${toCode}`);
      }
      return result;
    },
  },
});
