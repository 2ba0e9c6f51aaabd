import type { CommandGrantRequest } from '@scc/governance-api';
import type { CommandOutcome } from '@scc/migration/contract';
import type { DataSource } from 'typeorm';
import type { SendCommand } from '../approvals/temporal.js';
import type { CallContext } from '../call/caller.js';
import { inTransaction } from '../database/transaction.js';
import { findMigration } from '../plans/store.js';
import { issueCommandGrant } from './commands.js';

/** The sender of commands. A class, so that Nest can inject it by type. */
export class CommandSender {
  constructor(readonly send: SendCommand) {}
}

/** Gives a command the caller's authority and sends it to the migration. @throws Refusal */
export async function sendForCaller(
  source: DataSource,
  uid: string,
  request: CommandGrantRequest,
  { call, send }: { call: CallContext; send: SendCommand },
): Promise<CommandOutcome> {
  const { namespace, name } = await findMigration(source, uid);
  // Committed before the workflow asks for it.
  const { token } = await inTransaction(source, (tx) => issueCommandGrant(tx, uid, request, call));
  const reason = request.reason === null ? {} : { reason: request.reason };
  return send({ namespace, name, uid }, request.command, { actor: call.actor.name, token, ...reason });
}
