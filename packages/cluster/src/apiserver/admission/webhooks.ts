/** Admission webhooks: which ones a write concerns, and what their answers do to it. */

import { matchesSelector, applyJsonPatch, type AnyObject, type Dialer, type LabelSelector } from '@towpath/api';
import {
  codeOf,
  getIn,
  isRecord,
  messageOf,
  uuid,
  type Clock,
  type Logger,
  type Random,
  type UnknownRecord,
} from '@towpath/kit';
import type { AdmissionRequest } from '../handlers/context.ts';
import { forbidden, internalError, StatusError } from '../http/status.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { callWebhook } from './webhook-call.ts';

const group = 'admissionregistration.k8s.io';

export interface WebhooksDeps {
  readonly objects: ObjectStore;
  readonly dialer: Dialer | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** `admissionregistration.v1.ValidatingWebhook` and `MutatingWebhook`, after defaulting. */
interface Webhook {
  readonly name: string;
  readonly clientConfig: {
    readonly url?: string;
    readonly service?: {
      readonly namespace: string;
      readonly name: string;
      readonly path?: string;
      readonly port?: number;
    };
    readonly caBundle?: string;
  };
  readonly rules?: readonly Rule[];
  readonly failurePolicy?: string;
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly timeoutSeconds?: number;
  readonly sideEffects?: string;
}

interface Rule {
  readonly operations?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly resources?: readonly string[];
  readonly scope?: string;
}

/** Calls the webhooks that a write concerns. */
export class Webhooks {
  readonly #deps: WebhooksDeps;

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
  }

  /** The object after every mutating webhook, in order of configuration name. Throws when one refuses. */
  async mutate(request: AdmissionRequest): Promise<AnyObject | undefined> {
    let { object } = request;
    for (const webhook of this.#concerned('mutatingwebhookconfigurations', request)) {
      const response = await this.#ask(webhook, { ...request, object });
      if (response === undefined) continue;
      const patch = response['patch'];
      if (typeof patch !== 'string' || object === undefined) continue;
      object = this.#patched(webhook, object, patch);
    }
    return object;
  }

  /** Warnings of every validating webhook. Throws when one refuses. */
  async validate(request: AdmissionRequest): Promise<string[]> {
    const concerned = this.#concerned('validatingwebhookconfigurations', request);
    const responses = await Promise.all(concerned.map((webhook) => this.#ask(webhook, request)));
    return responses.flatMap((response) =>
      Array.isArray(response?.['warnings']) ? response['warnings'].map(String) : [],
    );
  }

  #concerned(plural: string, request: AdmissionRequest): Webhook[] {
    // Configurations are never subject to webhooks: nobody could repair a broken one.
    if (request.resource.group === group) return [];
    const configurations = this.#deps.objects.collection(`${group}/${plural}`);
    if (configurations.size === 0) return [];
    return configurations
      .list()
      .flatMap(({ object }) => (Array.isArray(object['webhooks']) ? (object['webhooks'] as Webhook[]) : []))
      .filter((webhook) => this.#concerns(webhook, request));
  }

  #concerns(webhook: Webhook, request: AdmissionRequest): boolean {
    if (request.dryRun && webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun') return false;
    if (!(webhook.rules ?? []).some((rule) => ruleMatches(rule, request))) return false;
    if (!this.#namespaceMatches(webhook.namespaceSelector, request)) return false;
    const { objectSelector } = webhook;
    if (objectSelector === undefined) return true;
    return [request.object, request.oldObject].some(
      (object) => object !== undefined && matchesSelector(objectSelector, object.metadata.labels),
    );
  }

  #namespaceMatches(selector: LabelSelector | undefined, request: AdmissionRequest): boolean {
    if (selector === undefined) return true;
    if (request.resource.collection === 'core/namespaces') {
      return matchesSelector(selector, (request.object ?? request.oldObject)?.metadata.labels);
    }
    if (request.namespace === undefined) return true;
    const namespace = this.#deps.objects.collection('core/namespaces').get(request.namespace);
    return matchesSelector(selector, namespace?.object.metadata.labels);
  }

  /** The response of one webhook; undefined when it failed and may be ignored. */
  async #ask(webhook: Webhook, request: AdmissionRequest): Promise<UnknownRecord | undefined> {
    const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request: this.#reviewOf(request) };
    let response: unknown;
    try {
      const answer = await callWebhook(webhook.clientConfig, review, {
        dialer: this.#deps.dialer,
        clock: this.#deps.clock,
        timeoutMs: (webhook.timeoutSeconds ?? 10) * 1000,
      });
      response = getIn(answer, ['response']);
      if (!isRecord(response)) throw new Error('the answer has no response');
    } catch (error) {
      this.#deps.log.warn('admission webhook failed', {
        webhook: webhook.name,
        error: messageOf(error),
        code: codeOf(error),
      });
      if (webhook.failurePolicy === 'Ignore') return undefined;
      throw internalError(
        `failed calling webhook ${JSON.stringify(webhook.name)}: failed to call webhook: ${messageOf(error)}`,
      );
    }
    if (isRecord(response) && response['allowed'] !== true) throw denial(webhook, request, response);
    return isRecord(response) ? response : undefined;
  }

  #patched(webhook: Webhook, object: AnyObject, patch: string): AnyObject {
    try {
      const operations: unknown = JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));
      if (!Array.isArray(operations)) throw new Error('the patch is not a list');
      return applyJsonPatch(object, operations) as AnyObject;
    } catch (error) {
      throw internalError(
        `the patch of admission webhook ${JSON.stringify(webhook.name)} cannot be applied: ${messageOf(error)}`,
      );
    }
  }

  #reviewOf(request: AdmissionRequest): UnknownRecord {
    const { resource, subresource, user } = request;
    const gvk = { group: resource.group, version: resource.version, kind: resource.kind };
    const gvr = { group: resource.group, version: resource.version, resource: resource.plural };
    return {
      uid: uuid(this.#deps.random),
      kind: gvk,
      resource: gvr,
      ...(subresource === undefined ? {} : { subResource: subresource }),
      requestKind: gvk,
      requestResource: gvr,
      ...(subresource === undefined ? {} : { requestSubResource: subresource }),
      name: request.name,
      ...(request.namespace === undefined ? {} : { namespace: request.namespace }),
      operation: request.operation,
      userInfo: { username: user.name, groups: user.groups, ...(user.uid === undefined ? {} : { uid: user.uid }) },
      object: request.object ?? null,
      oldObject: request.oldObject ?? null,
      dryRun: request.dryRun,
      options: {
        kind: `${request.operation.slice(0, 1)}${request.operation.slice(1).toLowerCase()}Options`,
        apiVersion: 'meta.k8s.io/v1',
        ...request.options,
      },
    };
  }
}

function ruleMatches(rule: Rule, request: AdmissionRequest): boolean {
  const { resource, subresource, operation } = request;
  const has = (list: readonly string[] | undefined, value: string): boolean =>
    list?.some((item) => item === '*' || item === value) === true;
  if (
    !has(rule.operations, operation) ||
    !has(rule.apiGroups, resource.group) ||
    !has(rule.apiVersions, resource.version)
  )
    return false;
  if (rule.scope === 'Namespaced' && !resource.namespaced) return false;
  if (rule.scope === 'Cluster' && resource.namespaced) return false;
  return (rule.resources ?? []).some((pattern) => {
    if (pattern === '*/*') return true;
    const [plural, sub] = pattern.split('/');
    if (plural !== '*' && plural !== resource.plural) return false;
    return sub === undefined ? subresource === undefined : sub === '*' || sub === subresource;
  });
}

function denial(webhook: Webhook, request: AdmissionRequest, response: UnknownRecord): StatusError {
  const status = isRecord(response['status']) ? response['status'] : {};
  const given = typeof status['message'] === 'string' ? `: ${status['message']}` : ' without explanation';
  const message = `admission webhook ${JSON.stringify(webhook.name)} denied the request${given}`;
  const code = typeof status['code'] === 'number' && status['code'] >= 400 ? status['code'] : 403;
  if (code === 403 && status['reason'] === undefined) {
    return new StatusError({
      code,
      reason: 'Forbidden',
      message,
      details: forbidden(request.resource, request.name, '').status.details,
    });
  }
  return new StatusError({
    code,
    reason: typeof status['reason'] === 'string' ? status['reason'] : 'Forbidden',
    message,
  });
}
