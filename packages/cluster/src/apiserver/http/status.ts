/** Failures as `metav1.Status` objects, with the reasons and sentences clients match on. */

/** One entry of `details.causes`. */
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

/** `metav1.StatusDetails`. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** `metav1.Status`. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Failure' | 'Success';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

/** Group and plural of a resource, as errors name it. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

/** An answer other than success; the server turns it into its Status. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: Status;

  constructor(options: {
    code: number;
    /** Absent for failures the real server does not classify. */
    reason?: string;
    message: string;
    details?: StatusDetails | undefined;
    continue?: string | undefined;
  }) {
    super(options.message);
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: options.continue === undefined ? {} : { continue: options.continue },
      status: 'Failure',
      message: options.message,
      ...(options.reason === undefined ? {} : { reason: options.reason }),
      ...(options.details === undefined ? {} : { details: options.details }),
      code: options.code,
    };
  }
}

/** `deployments.apps` or `pods`. */
function qualifiedName(resource: ResourceName): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

function detailsOf(resource: ResourceName, name: string): StatusDetails {
  const named = name === '' ? {} : { name };
  return resource.group === ''
    ? { ...named, kind: resource.plural }
    : { ...named, group: resource.group, kind: resource.plural };
}

export function badRequest(message: string): StatusError {
  return new StatusError({ code: 400, reason: 'BadRequest', message });
}

export function notFound(resource: ResourceName, name: string): StatusError {
  const message = `${qualifiedName(resource)} "${name}" not found`;
  return new StatusError({ code: 404, reason: 'NotFound', message, details: detailsOf(resource, name) });
}

/** A path that names no resource at all. */
export function unknownPath(): StatusError {
  const message = 'the server could not find the requested resource';
  return new StatusError({ code: 404, reason: 'NotFound', message, details: {} });
}

export function alreadyExists(resource: ResourceName, name: string): StatusError {
  const message = `${qualifiedName(resource)} "${name}" already exists`;
  return new StatusError({ code: 409, reason: 'AlreadyExists', message, details: detailsOf(resource, name) });
}

const modified = 'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(resource: ResourceName, name: string, why: string = modified): StatusError {
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`;
  return new StatusError({ code: 409, reason: 'Conflict', message, details: detailsOf(resource, name) });
}

export function forbidden(resource: ResourceName, name: string, why: string): StatusError {
  const message =
    name === ''
      ? `${qualifiedName(resource)} is forbidden: ${why}`
      : `${qualifiedName(resource)} "${name}" is forbidden: ${why}`;
  return new StatusError({ code: 403, reason: 'Forbidden', message, details: detailsOf(resource, name) });
}

export function unauthorized(): StatusError {
  return new StatusError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
}

export function methodNotAllowed(): StatusError {
  const message = 'the server does not allow this method on the requested resource';
  return new StatusError({ code: 405, reason: 'MethodNotAllowed', message, details: {} });
}

export function internalError(message: string): StatusError {
  return new StatusError({
    code: 500,
    reason: 'InternalError',
    message: `Internal error occurred: ${message}`,
    details: { causes: [{ reason: 'InternalError', message }] },
  });
}

/** 500 with the bare sentence of an error the real server passes on as it is. */
export function plainError(message: string): StatusError {
  return new StatusError({ code: 500, message });
}

/** 410, with the token a client may use to continue inconsistently. */
export function expired(message: string, continueToken?: string): StatusError {
  return new StatusError({ code: 410, reason: 'Expired', message, continue: continueToken });
}

/** 422 with every cause. `kind` is the object's kind. */
export function invalid(
  target: { group: string; kind: string; name: string },
  causes: readonly StatusCause[],
): StatusError {
  // A cause that is told twice is said once.
  const sentences = [...new Set(causes.map((cause) => `${cause.field ?? ''}: ${cause.message}`))];
  const list = sentences.length === 1 ? (sentences[0] ?? '') : `[${sentences.join(', ')}]`;
  const kind = target.group === '' ? target.kind : `${target.kind}.${target.group}`;
  return new StatusError({
    code: 422,
    reason: 'Invalid',
    message: `${kind} "${target.name}" is invalid: ${list}`,
    details: {
      ...(target.name === '' ? {} : { name: target.name }),
      ...(target.group === '' ? {} : { group: target.group }),
      ...(target.kind === '' ? {} : { kind: target.kind }),
      causes,
    },
  });
}

/** Builders of validation causes, in the words of apimachinery's `field` package. */
export const cause = {
  required: (field: string, detail = ''): StatusCause => ({
    reason: 'FieldValueRequired',
    message: detail === '' ? 'Required value' : `Required value: ${detail}`,
    field,
  }),
  invalid: (field: string, value: unknown, detail: string): StatusCause => ({
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${valueText(value)}: ${detail}`,
    field,
  }),
  /** Says nothing of the value. */
  bare: (field: string, detail: string): StatusCause => ({
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${detail}`,
    field,
  }),
  tooMany: (field: string, count: number, max: number): StatusCause => ({
    reason: 'FieldValueTooMany',
    message: `Too many: ${count}: must have at most ${max} items`,
    field,
  }),
  duplicate: (field: string, value: unknown): StatusCause => ({
    reason: 'FieldValueDuplicate',
    message: `Duplicate value: ${valueText(value)}`,
    field,
  }),
  /** The supported values are told in alphabetical order unless `order` is `given`. */
  notSupported: (field: string, value: unknown, supported: readonly string[], order?: 'given'): StatusCause => ({
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${valueText(value)}: supported values: ${(order === 'given'
      ? supported
      : supported.toSorted()
    )
      .map((item) => JSON.stringify(item))
      .join(', ')}`,
    field,
  }),
  forbidden: (field: string, detail: string): StatusCause => ({
    reason: 'FieldValueForbidden',
    message: `Forbidden: ${detail}`,
    field,
  }),
  notFound: (field: string, value: unknown): StatusCause => ({
    reason: 'FieldValueNotFound',
    message: `Not found: ${valueText(value)}`,
    field,
  }),
  tooLong: (field: string, maxBytes: number): StatusCause => ({
    reason: 'FieldValueTooLong',
    message: `Too long: may not be more than ${maxBytes} bytes`,
    field,
  }),
};

function valueText(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  const text = JSON.stringify(value);
  // Go writes objects with these characters escaped, texts as they are.
  return typeof value === 'object' ? text.replace(/[<>&]/g, (character) => goEscapes[character] ?? character) : text;
}

const goEscapes: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' };
