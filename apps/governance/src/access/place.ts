import { z } from 'zod';
import { namespaceSchema, type Target } from '../call/require-permission.js';
import { type Queryable, rowOf } from '../database/rows.js';

/** The place of a request as the request states it, before any pipe has looked at it. */
export interface AddressedRequest {
  params: unknown;
  query: unknown;
  body: unknown;
}

/** Where a permission must be held. */
export type PermissionPlace =
  | { kind: 'everywhere' }
  /** In any namespace; what is not in scope is not shown. */
  | { kind: 'anywhere' }
  | { kind: 'namespace'; namespace: string; isNamed: boolean }
  /** The object is not known here, so only those who may see all of them are told that. */
  | { kind: 'unknown' };

const inPath = z.object({ namespace: namespaceSchema });
const inBody = z.object({ target: z.object({ namespace: namespaceSchema }) });
const inQuery = z.object({ namespace: namespaceSchema });
const bindingInBody = z.object({ namespaces: namespaceSchema });
const id = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9._-]+$/);
const rowId = z.string().regex(/^[0-9]{1,18}$/);
const namespaceRow = z.object({ namespace: z.string() });
const stopInBody = z.object({ namespace: namespaceSchema.nullable() });
const scanInBody = z.object({ namespace: namespaceSchema.nullish() });
const stopRow = z.object({ namespace: z.string().nullable() });

type Find = (request: AddressedRequest, db: Queryable) => PermissionPlace | Promise<PermissionPlace>;

const PLACES: Record<Target, Find> = {
  cluster: () => ({ kind: 'everywhere' }),
  shared: () => ({ kind: 'anywhere' }),
  list: ({ query }) => named(inQuery.safeParse(query).data?.namespace) ?? { kind: 'anywhere' },
  path: ({ params }) => named(inPath.safeParse(params).data?.namespace) ?? { kind: 'unknown' },
  body: ({ body }) => named(inBody.safeParse(body).data?.target.namespace) ?? { kind: 'unknown' },
  binding: ({ body }) => named(bindingInBody.safeParse(body).data?.namespaces) ?? { kind: 'anywhere' },
  stopRequest: ({ body }) => {
    const asked = stopInBody.safeParse(body).data;
    if (!asked) return { kind: 'unknown' };
    return named(asked.namespace ?? undefined) ?? { kind: 'everywhere' };
  },
  scanRequest: ({ body }) => {
    const asked = scanInBody.safeParse(body).data;
    return asked ? (named(asked.namespace ?? undefined) ?? { kind: 'everywhere' }) : { kind: 'unknown' };
  },
  stop: async ({ params }, db) => {
    const found = z.object({ id: rowId }).safeParse(params).data;
    if (!found) return { kind: 'unknown' };
    const row = await rowOf(db, stopRow, 'select namespace from emergency_stop where id = $1', [found.id]);
    if (!row) return { kind: 'unknown' };
    return row.namespace === null
      ? { kind: 'everywhere' }
      : { kind: 'namespace', namespace: row.namespace, isNamed: false };
  },
  migration: lookUp(z.object({ id }), 'select namespace from migration where plan_uid = $1'),
  pod: lookUp(z.object({ uid: id }), 'select namespace from tracked_pod where uid = $1'),
  assessment: lookUp(z.object({ id: z.guid() }), 'select namespace from risk_assessment where id = $1'),
  exception: lookUp(z.object({ id: rowId }), 'select namespace from policy_exception where id = $1'),
};

/** Finds the namespace that a request is about. */
export const placeOf = async (target: Target, request: AddressedRequest, db: Queryable): Promise<PermissionPlace> =>
  PLACES[target](request, db);

function named(found: string | undefined): PermissionPlace | null {
  return found === undefined ? null : { kind: 'namespace', namespace: found, isNamed: true };
}

function lookUp(key: z.ZodObject, sql: string): Find {
  return async ({ params }, db) => {
    const parsed = key.safeParse(params);
    if (!parsed.success) return { kind: 'unknown' };
    const row = await rowOf(db, namespaceRow, sql, Object.values(parsed.data));
    return row ? { kind: 'namespace', namespace: row.namespace, isNamed: false } : { kind: 'unknown' };
  };
}
