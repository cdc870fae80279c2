/** Helm's own: include, tpl, required, fail, lookup. Source: helm pkg/engine. */

import { FunctionError } from '../errors.ts';
import { row, type FunctionRow } from './row.ts';

/** Around the texts of required and fail, so that the outermost error can find them. */
export const warnStart = 'HELM_ERR_START';
export const warnEnd = 'HELM_ERR_END';

const any = 'interface {}';

export const flow: readonly FunctionRow[] = [
  row({
    name: 'include',
    args: ['string', any],
    returns: '(string, error)',
    doc: 'Runs a named template and gives its text, ready for a pipe.',
    example: ['{{ define "x" }}<{{ . }}>{{ end }}{{ include "x" "a" | upper }}', '<A>'],
    run(name, data) {
      return this.include(name, data);
    },
  }),
  row({
    name: 'tpl',
    args: ['string', any],
    returns: '(string, error)',
    doc: 'Runs a text as a template.',
    example: ['{{ tpl "{{ .a }}" (dict "a" 1) }}', '1'],
    run(text, data) {
      return this.tpl(text, data);
    },
  }),
  row({
    name: 'required',
    args: ['string', any],
    returns: '(interface {}, error)',
    doc: 'The second argument; when it is nil or "", the render fails with the first.',
    example: ['{{ required "name it" "a" }}', 'a'],
    run(warning, value) {
      if (value !== null && value !== '') return value;
      if (!this.services.lint) throw new FunctionError(`${warnStart}${warning}${warnEnd}`);
      this.services.warn('REQUIRED_VALUE', `[INFO] Missing required value: ${warning}`);
      return '';
    },
  }),
  row({
    name: 'fail',
    args: ['string'],
    returns: '(string, error)',
    doc: 'Fails the render with the text.',
    run(message) {
      if (!this.services.lint) throw new FunctionError(`${warnStart}${message}${warnEnd}`);
      this.services.warn('FAIL', `[INFO] Fail: ${message}`);
      return '';
    },
  }),
  row({
    name: 'lookup',
    args: ['string', 'string', 'string', 'string'],
    returns: '(map[string]interface {}, error)',
    doc: 'The object of an API version, kind, namespace and name in the cluster; an empty dictionary when there is none.',
    example: ['{{ lookup "v1" "Secret" "a" "b" }}', 'map[]'],
    run(apiVersion, kind, namespace, name) {
      return this.services.lookup(apiVersion, kind, namespace, name) ?? new Map<string, unknown>();
    },
  }),
  row({
    name: 'getHostByName',
    args: ['string'],
    returns: 'string',
    doc: 'An address of a host, where the caller resolves names (`--enable-dns`); else "".',
    example: ['{{ getHostByName "localhost" }}', ''],
    run(host) {
      const addresses = this.services.resolveHost?.(host);
      if (addresses === undefined) return '';
      const chosen = addresses[this.services.random.integer(Math.max(addresses.length, 1))];
      // What Go's library says where there is none to choose from.
      if (chosen === undefined) throw new FunctionError('invalid argument to Intn');
      return chosen;
    },
  }),
];
