/** sprig's certificate: two PEM texts. */

import { GoObject } from './values.ts';

/** What genCA and its like give. */
export class Certificate extends GoObject {
  readonly type = 'sprig.certificate';
  readonly cert: string;
  readonly key: string;

  constructor(cert: string, key: string) {
    super();
    this.cert = cert;
    this.key = key;
  }

  override fields(): readonly (readonly [string, unknown])[] {
    return [
      ['Cert', this.cert],
      ['Key', this.key],
    ];
  }
}
