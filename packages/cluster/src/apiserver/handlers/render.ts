/** Stored objects as the text of an answer: whole, metadata only, or a table. */

import type { AnyObject } from '@towpath/api';
import { stringifyYaml } from '@towpath/kit';
import type { ApiResponse } from '../http/message.ts';
import { convert } from '../resources/convert.ts';
import type { Resource } from '../resources/resource.ts';
import { tableOf } from '../tables/table.ts';
import type { Format } from './negotiate.ts';

/** An object to render; `json` is its text when it is already known. */
export interface Renderable {
  readonly object: AnyObject;
  readonly json?: string;
}

export interface RenderOptions {
  readonly format: Format;
  readonly nowMs: number;
  /** Table rows carry `Metadata` (default), the whole `Object` or `None`. */
  readonly includeObject: string;
}

/** The text of one object at the resource's version. */
function objectJson(resource: Pick<Resource, 'apiVersion' | 'custom'>, stored: Renderable): string {
  const item = resource.custom?.defaulted(stored.object) ?? stored;
  if (item.object.apiVersion !== resource.apiVersion) return JSON.stringify(convert(item.object, resource.apiVersion));
  return item.json ?? JSON.stringify(item.object);
}

/** One object in the asked form, without a newline. */
export function renderObject(resource: Resource, item: Renderable, options: RenderOptions): string {
  switch (options.format.shape) {
    case 'table':
      return JSON.stringify(
        tableOf(resource, [item.object], {
          ...tableOptions(options),
          resourceVersion: item.object.metadata.resourceVersion ?? '',
        }),
      );
    case 'partial':
    case 'partialList':
      return JSON.stringify(partial(item.object, options.format.metaVersion));
    case 'object':
      return objectJson(resource, item);
  }
}

function tableOptions(options: RenderOptions): { nowMs: number; includeObject: string; apiVersion: string } {
  return { nowMs: options.nowMs, includeObject: options.includeObject, apiVersion: options.format.metaVersion };
}

/** `metav1.PartialObjectMetadata` of an object. */
export function partial(object: AnyObject, apiVersion: string): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** A list in the asked form. Items of built-in lists leave kind and apiVersion out, as the real server does. */
export function renderList(
  resource: Resource,
  items: readonly Renderable[],
  metadata: ListMetadata,
  options: RenderOptions,
): string {
  const { format } = options;
  if (format.shape === 'table') {
    const objects = items.map((item) => item.object);
    return JSON.stringify(tableOf(resource, objects, { ...tableOptions(options), ...metadata }));
  }
  if (format.shape !== 'object') {
    const rows = items.map((item) => partial(item.object, format.metaVersion));
    return JSON.stringify({ kind: 'PartialObjectMetadataList', apiVersion: format.metaVersion, metadata, items: rows });
  }
  const typed = `{"kind":${JSON.stringify(resource.kind)},"apiVersion":${JSON.stringify(resource.apiVersion)},`;
  const texts = items.map((item) => {
    const json = objectJson(resource, item);
    return resource.custom === undefined && json.startsWith(typed) ? `{${json.slice(typed.length)}` : json;
  });
  // Lists of custom resources always have the member.
  const shown = resource.custom === undefined ? metadata : { continue: '', ...metadata };
  const head = `{"kind":${JSON.stringify(resource.listKind)},"apiVersion":${JSON.stringify(resource.apiVersion)}`;
  return `${head},"metadata":${JSON.stringify(shown)},"items":[${texts.join(',')}]}`;
}

/** An answer in the asked media type from JSON text. */
export function respond(
  status: number,
  json: string,
  format: Format,
  headers: Record<string, string> = {},
): ApiResponse {
  if (format.media === 'yaml') {
    return {
      status,
      headers: { 'content-type': 'application/yaml', ...headers },
      body: stringifyYaml(JSON.parse(json)),
    };
  }
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: `${json}\n` };
}

/** `Warning` headers; several are joined as HTTP allows. */
export function warningHeaders(warnings: readonly string[]): Record<string, string> {
  if (warnings.length === 0) return {};
  return { warning: warnings.map((text) => `299 - ${JSON.stringify(text)}`).join(', ') };
}
