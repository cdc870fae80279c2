/** loadgenerator: USERS shoppers who wait, look, buy, and look again, against FRONTEND_ADDR. */

import { Agent, request } from 'node:http';
import { log } from '../../lib/log.ts';
import { serveMetrics } from '../../lib/metrics.ts';
import { setting } from '../../lib/settings.ts';

const [host = 'frontend', port = '80'] = setting('FRONTEND_ADDR')
  .replace(/^http:\/\//, '')
  .split(':');
const users = Number(setting('USERS', '10'));
const startsPerSecond = Number(setting('RATE', '1'));
const waitMs = { least: 1000, most: 10_000 };
const reportEveryMs = 10_000;
const productIds = [
  'OLJCESPC7Z',
  '66VCHSJNUP',
  '1YMWWN1N4O',
  'L9ECAV7KIM',
  '2ZYFJ3GM2N',
  '0PUK6V6EV0',
  'LS4PSXUNUM',
  '9SIQT8TOJO',
  '6E92ZMYYFZ',
];
const currencies = ['EUR', 'USD', 'JPY', 'CAD', 'GBP', 'TRY'];
const agent = new Agent({ keepAlive: true, maxSockets: users });
const tally = { requests: 0, failures: 0 };

function pick<Item>(items: readonly Item[]): Item {
  return items[Math.floor(Math.random() * items.length)] as Item;
}

/** One shopper with cookies of their own. */
class Shopper {
  readonly #cookies = new Map<string, string>();

  /** Follows redirects as a browser does. */
  async visit(path: string, form?: Record<string, string>): Promise<void> {
    let next: string | undefined = path;
    let body = form === undefined ? undefined : new URLSearchParams(form).toString();
    for (let hops = 0; next !== undefined && hops < 5; hops++) {
      next = await this.#send(next, body);
      body = undefined;
    }
  }

  #send(path: string, body: string | undefined): Promise<string | undefined> {
    return new Promise((resolve) => {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const outgoing = request(
        {
          host,
          port: Number(port),
          path,
          method: body === undefined ? 'GET' : 'POST',
          agent,
          timeout: 15_000,
          headers: { cookie, ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }) },
        },
        (response) => {
          tally.requests++;
          if ((response.statusCode ?? 500) >= 500) tally.failures++;
          for (const line of response.headers['set-cookie'] ?? []) {
            const [pair = ''] = line.split(';');
            const [name = '', value = ''] = pair.split('=');
            this.#cookies.set(name, value);
          }
          response.resume();
          response.on('end', () => resolve(response.headers.location));
          response.on('error', () => resolve(undefined));
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
      outgoing.on('error', () => {
        tally.failures++;
        resolve(undefined);
      });
      outgoing.end(body);
    });
  }

  async addToCart(): Promise<void> {
    const id = pick(productIds);
    await this.visit(`/product/${id}`);
    await this.visit('/cart', { product_id: id, quantity: String(1 + Math.floor(Math.random() * 10)) });
  }

  async checkout(): Promise<void> {
    await this.addToCart();
    await this.visit('/cart/checkout', {
      email: 'someone@example.com',
      street_address: '1 Lock Cottage',
      zip_code: '94043',
      city: 'Canal Town',
      state: 'CA',
      country: 'United States',
      credit_card_number: '4432-8015-6152-0454',
      credit_card_expiration_month: '1',
      credit_card_expiration_year: String(new Date().getFullYear() + 1),
      credit_card_cvv: '672',
    });
  }
}

/** What a shopper does, by how often. */
const tasks: readonly (readonly [number, (shopper: Shopper) => Promise<void>])[] = [
  [1, (shopper) => shopper.visit('/')],
  [2, (shopper) => shopper.visit('/setCurrency', { currency_code: pick(currencies) })],
  [10, (shopper) => shopper.visit(`/product/${pick(productIds)}`)],
  [2, (shopper) => shopper.addToCart()],
  [3, (shopper) => shopper.visit('/cart')],
  [1, (shopper) => shopper.checkout()],
];
const deck = tasks.flatMap(([weight, task]) => Array.from({ length: weight }, () => task));

const wait = (forMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, forMs));

async function shop(): Promise<void> {
  const shopper = new Shopper();
  await shopper.visit('/');
  for (;;) {
    await wait(waitMs.least + Math.random() * (waitMs.most - waitMs.least));
    await pick(deck)(shopper);
  }
}

async function main(): Promise<void> {
  log('INFO', 'load starts', { host, port, users });
  setInterval(() => {
    log('INFO', 'load', { ...tally });
    tally.requests = 0;
    tally.failures = 0;
  }, reportEveryMs);
  for (let user = 0; user < users; user++) {
    void shop();
    await wait(1000 / startsPerSecond);
  }
}

serveMetrics();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => process.exit(0));
void main();
