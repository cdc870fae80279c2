/** adservice: advertisements that fit the categories a shopper looks at. */

import { serve } from '../../lib/server.ts';
import type { Ad } from '../../lib/types.ts';

const maxAds = 2;

const adsByCategory: Readonly<Record<string, readonly Ad[]>> = {
  clothing: [{ redirectUrl: '/product/66VCHSJNUP', text: 'Tank top for sale. 20% off.' }],
  accessories: [{ redirectUrl: '/product/1YMWWN1N4O', text: 'Watch for sale. Buy one, get second kit for free' }],
  footwear: [{ redirectUrl: '/product/L9ECAV7KIM', text: 'Loafers for sale. Buy one, get second one for free' }],
  hair: [{ redirectUrl: '/product/2ZYFJ3GM2N', text: 'Hairdryer for sale. 50% off.' }],
  decor: [{ redirectUrl: '/product/0PUK6V6EV0', text: 'Candle holder for sale. 30% off.' }],
  kitchen: [
    { redirectUrl: '/product/9SIQT8TOJO', text: 'Bamboo glass jar for sale. 10% off.' },
    { redirectUrl: '/product/6E92ZMYYFZ', text: 'Mug for sale. Buy two, get third one for free' },
  ],
};

const allAds = Object.values(adsByCategory).flat();

function randomAd(): Ad[] {
  const ad = allAds[Math.floor(Math.random() * allAds.length)];
  return ad === undefined ? [] : [ad];
}

serve({
  service: 'AdService',
  port: 9555,
  handlers: {
    GetAds({ contextKeys }) {
      const fitting = contextKeys.flatMap((key) => adsByCategory[key] ?? []);
      return { ads: fitting.length > 0 ? fitting : Array.from({ length: maxAds }, randomAd).flat() };
    },
  },
});
