import { createHash, randomBytes } from 'node:crypto';
import type { CommandRequest, CommandVerdict } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { rowOf } from '../database/rows.js';
import { lockKnownMigration, planObject } from '../plans/store.js';
import { CommandGrantEntity } from './step.entity.js';

type Command = CommandRequest['command'];

/** Long enough to copy a token into a form, short enough to be useless when it leaks later. */
const GRANT_TTL_MS = 5 * 60 * 1000;
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Commands of anyone who reaches Temporal: stop, undo, and let a stopped migration go on under its gates. */
const WITHOUT_AUTHORITY: Record<Command, string | null> = {
  pause: 'stopping is allowed to everybody',
  resume: 'going on is allowed to everybody: gates, approvals and freezes still apply',
  abort: 'undoing is allowed to everybody',
  rollback: 'undoing is allowed to everybody',
  skip: null,
  release: null,
};

export interface IssuedGrant {
  token: string;
  expiresAt: string;
}

/**
 * Issues a single-use token that carries an authenticated caller's authority for one command to the workflow.
 * @throws Refusal when governance never heard of the plan.
 */
export async function issueCommandGrant(
  tx: EntityManager,
  uid: string,
  { command, reason }: { command: Command; reason: string | null },
  { actor, requestId, now }: CallContext,
): Promise<IssuedGrant> {
  const migration = await lockKnownMigration(tx, uid);
  const token = randomBytes(32).toString('base64url');
  const expiresAt = new Date(now.getTime() + GRANT_TTL_MS);
  await tx
    .getRepository(CommandGrantEntity)
    .insert({ tokenHash: sha256(token), planUid: uid, command, actor: actor.name, reason, expiresAt });
  await appendAudit(tx, {
    actor,
    action: 'command.granted',
    object: planObject(migration),
    requestId,
    details: { uid, command, reason, expiresAt: expiresAt.toISOString(), token: sha256(token).toString('hex') },
  });
  return { token, expiresAt: expiresAt.toISOString() };
}

/** Decides whether the workflow applies a command that reached it; every answer is audited. */
export async function checkCommand(
  tx: EntityManager,
  uid: string,
  request: CommandRequest,
  { actor, requestId, now }: CallContext,
): Promise<CommandVerdict> {
  const migration = await lockKnownMigration(tx, uid);
  const { token, ...seen } = request;
  const grantedTo = token === null ? null : await redeem(tx, uid, { command: request.command, token, now });
  const answer = decideCommand(request.command, { grantedTo, hasToken: token !== null });
  const receipt = await appendAudit(tx, {
    actor,
    action: answer.allowed ? 'command.allowed' : 'command.refused',
    object: planObject(migration),
    requestId,
    details: {
      ...{ uid, ...seen, claimedActor: seen.actor, grantedTo, ...answer },
      ...(grantedTo !== null && token !== null && { redeemed: sha256(token).toString('hex') }),
    },
  });
  return { ...answer, grantedTo, receipt };
}

function decideCommand(
  command: Command,
  { grantedTo, hasToken }: { grantedTo: string | null; hasToken: boolean },
): Pick<CommandVerdict, 'allowed' | 'reason'> {
  if (grantedTo !== null) return { allowed: true, reason: `granted to ${grantedTo}` };
  const open = WITHOUT_AUTHORITY[command];
  if (open !== null) return { allowed: true, reason: open };
  const why = hasToken ? 'the token is unknown, used, expired or for something else' : 'no token came with it';
  return { allowed: false, reason: `${command} needs the authority of a known caller, and ${why}` };
}

/** One statement finds and uses the token up, so that two uses at once cannot both succeed. */
async function redeem(
  tx: EntityManager,
  uid: string,
  { command, token, now }: { command: Command; token: string; now: Date },
): Promise<string | null> {
  const row = await rowOf(
    tx,
    z.object({ actor: z.string() }),
    `update command_grant set used_at = $4
     where token_hash = $1 and plan_uid = $2 and command = $3 and used_at is null and expires_at > $4 returning actor`,
    [sha256(token), uid, command, now],
  );
  return row?.actor ?? null;
}
