/** The catalogue. Descriptions and pictures are our own. */

import type { Product } from '../../lib/types.ts';

function product(id: string, name: string, price: number, categories: string[], description: string): Product {
  const units = Math.trunc(price);
  const nanos = Math.round((price - units) * 100) * 10_000_000;
  const picture = `/static/img/products/${name.toLowerCase().replaceAll('&', 'and').replaceAll(' ', '-')}.svg`;
  return { id, name, description, picture, priceUsd: { currencyCode: 'USD', units, nanos }, categories };
}

export const products: readonly Product[] = [
  product(
    'OLJCESPC7Z',
    'Sunglasses',
    19.99,
    ['accessories'],
    'Dark round lenses in a light frame. For long afternoons by the lock.',
  ),
  product('66VCHSJNUP', 'Tank Top', 18.99, ['clothing', 'tops'], 'A soft cropped top in mint. Cut wide, sewn well.'),
  product(
    '1YMWWN1N4O',
    'Watch',
    109.99,
    ['accessories'],
    'A plain dial, two hands and a strap of red leather. It keeps time and says no more.',
  ),
  product(
    'L9ECAV7KIM',
    'Loafers',
    89.99,
    ['footwear'],
    'Sand-coloured slip-ons with a stitched edge. Quiet on wooden floors.',
  ),
  product(
    '2ZYFJ3GM2N',
    'Hairdryer',
    24.99,
    ['hair', 'beauty'],
    'Two speeds, one cold button, a cable long enough for any bathroom.',
  ),
  product(
    '0PUK6V6EV0',
    'Candle Holder',
    18.99,
    ['decor', 'home'],
    'Cast iron, three legs, holds one fat candle steady.',
  ),
  product(
    'LS4PSXUNUM',
    'Salt & Pepper Shakers',
    18.49,
    ['kitchen'],
    'A pair in white and dark clay. You will tell them apart.',
  ),
  product(
    '9SIQT8TOJO',
    'Bamboo Glass Jar',
    5.49,
    ['kitchen'],
    'A jar for a litre of rice, with a lid of bamboo that closes tight.',
  ),
  product('6E92ZMYYFZ', 'Mug', 8.99, ['kitchen'], 'Mustard glaze outside, white inside. Holds a morning.'),
];
