import { z } from 'zod';
import { canonicalBytes, type JsonValue } from './canonical.js';

const jsonSchema: z.ZodType<JsonValue> = z.json();

export const auditActorSchema = z.object({
  name: z.string(),
  groups: z.array(z.string()).optional(),
  roles: z.array(z.string()).optional(),
});

export const auditObjectSchema = z.object({
  kind: z.string(),
  namespace: z.string().optional(),
  name: z.string().optional(),
});

/** The meaning of the canonical bytes of an entry. */
export const auditBodySchema = z.object({
  v: z.literal(1),
  id: z.string().describe('ULID'),
  occurredAt: z.string().describe('RFC 3339, UTC, milliseconds; the clock of the process that appended.'),
  actor: auditActorSchema,
  action: z.string(),
  object: auditObjectSchema,
  requestId: z.string().nullable(),
  details: jsonSchema,
});

export type AuditActor = z.infer<typeof auditActorSchema>;
export type AuditObject = z.infer<typeof auditObjectSchema>;
export type AuditBody = z.infer<typeof auditBodySchema>;

/** The columns beside the bytes, which exist only to search by; the bytes decide. */
export type AuditColumns = readonly [
  entryId: string,
  occurredAt: string,
  actor: string,
  action: string,
  kind: string,
  namespace: string | null,
  name: string | null,
  requestId: string | null,
];

/** PostgreSQL's text holds neither NUL nor lone surrogates; both are shown as U+FFFD there. */
const columnText = (text: string): string =>
  text.isWellFormed() && !text.includes('\0') ? text : text.toWellFormed().replaceAll('\0', '\uFFFD');
const optionalText = (text: string | null | undefined): string | null => (text == null ? null : columnText(text));

/** The values that the search columns of an entry must hold. */
export function columnsOf(body: AuditBody): AuditColumns {
  return [
    columnText(body.id),
    columnText(body.occurredAt),
    columnText(body.actor.name),
    columnText(body.action),
    columnText(body.object.kind),
    optionalText(body.object.namespace),
    optionalText(body.object.name),
    optionalText(body.requestId),
  ];
}

/**
 * The place of the first column that does not hold what the body says, -1 when all do. A column that is the text of the
 * body itself needs no second look: this runs for each entry of a log.
 */
export function wrongColumn(
  { id, occurredAt, actor, action, object, requestId }: Omit<AuditBody, 'details'>,
  columns: AuditColumns,
): number {
  const isSame =
    columns[0] === id &&
    columns[1] === occurredAt &&
    columns[2] === actor.name &&
    columns[3] === action &&
    columns[4] === object.kind &&
    columns[5] === (object.namespace ?? null) &&
    columns[6] === (object.name ?? null) &&
    columns[7] === requestId;
  if (isSame) return -1;
  const right = columnsOf({ v: 1, id, occurredAt, actor, action, object, requestId, details: null });
  return right.findIndex((column, at) => column !== columns[at]);
}

/** The bytes of an entry: what is stored, hashed and proved. */
export function encodeBody(body: AuditBody): Buffer {
  return canonicalBytes(body);
}
