/** emailservice: renders order confirmations and keeps the last ones instead of sending them. */

import { createServer } from 'node:http';
import { log } from '../../lib/log.ts';
import { serve } from '../../lib/server.ts';
import { setting } from '../../lib/settings.ts';
import { renderConfirmation } from './render.ts';

const keptMails = 50;
const mails: { at: string; email: string; text: string }[] = [];

serve({
  service: 'EmailService',
  port: 8080,
  handlers: {
    SendOrderConfirmation({ email, order }) {
      log('INFO', `A request to send order confirmation email to ${email} has been received.`);
      mails.unshift({ at: new Date().toISOString(), email, text: renderConfirmation(order) });
      mails.length = Math.min(mails.length, keptMails);
      return {};
    },
  },
});

// The mails that would have been sent, newest first.
createServer((request, response) => {
  const found = request.url === '/mail';
  response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
  response.end(found ? JSON.stringify(mails, undefined, 2) : '{"error":"only /mail is here"}');
}).listen(Number(setting('MAIL_PORT', '8025')));
