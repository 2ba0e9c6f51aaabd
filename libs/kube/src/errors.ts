import { z } from 'zod';

const statusSchema = z.looseObject({
  kind: z.literal('Status'),
  message: z.string().default(''),
  reason: z.string().default(''),
  code: z.number().optional(),
  details: z.looseObject({ name: z.string().optional(), retryAfterSeconds: z.number().optional() }).optional(),
});

/** The API server refused; `status` is the HTTP status and `reason` the machine-readable word of its Status object. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly status: number;
  readonly reason: string;
  /** The object that the refusal is about, where the server names one. */
  readonly object: string | undefined;

  constructor(status: number, { message, reason, object }: { message: string; reason: string; object?: string }) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.object = object;
  }
}

/** No answer came: no connection, a broken one, or none in time. Whether the request had an effect is unknown. */
export class KubeUnreachable extends Error {
  override readonly name = 'KubeUnreachable';
}

/** The error of an answer that is not a success; `what` says what was asked. */
export function kubeErrorOf(status: number, body: unknown, what: string): KubeError {
  const parsed = statusSchema.safeParse(body);
  if (!parsed.success) {
    const text = typeof body === 'string' ? body.trim().slice(0, 300) : '';
    return new KubeError(status, { reason: '', message: `${what}: HTTP ${status} ${text}`.trim() });
  }
  const { message, reason, details } = parsed.data;
  return new KubeError(status, {
    reason,
    message: message || `${what}: ${reason || `HTTP ${status}`}`,
    ...(details?.name ? { object: details.name } : {}),
  });
}

/** The error that an ERROR event of a watch carries. */
export function watchErrorOf(object: unknown, what: string): KubeError {
  const code = statusSchema.safeParse(object).data?.code ?? 500;
  return kubeErrorOf(code, object, what);
}

const hasStatus =
  (status: number) =>
  (error: unknown): boolean =>
    error instanceof KubeError && error.status === status;

/** The object, its kind or its namespace does not exist. */
export const isNotFound = hasStatus(404);
/** Not allowed, by RBAC or by admission. */
export const isForbidden = hasStatus(403);
/** Changed meanwhile, owned by another field manager, or in existence already. */
export const isConflict = hasStatus(409);
/** An object of the name is there already. */
export const isAlreadyThere = (error: unknown): boolean =>
  error instanceof KubeError && error.status === 409 && error.reason === 'AlreadyExists';
/** Against the schema or a rule of its kind, or what an admission plugin calls so. */
export const isInvalid = hasStatus(422);
/** The version to resume from is no longer kept. */
export const isGone = hasStatus(410);

/** The object is missing, as opposed to its kind not being served or the path being wrong. */
export const isMissing = (error: unknown, name: string): boolean =>
  error instanceof KubeError && error.status === 404 && error.object === name;
