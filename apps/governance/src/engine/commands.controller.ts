import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import {
  type CommandGrantRequest,
  commandGrantRequestSchema,
  type CommandRequest,
  commandRequestSchema,
  type CommandVerdict,
} from '@scc/governance-api';
import { DataSource } from 'typeorm';
import { Call } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { uidSchema } from '../plans/store.js';
import { checkCommand, issueCommandGrant, type IssuedGrant } from './commands.js';

const uid = { schema: uidSchema };

/** Commands of people to a running migration: the authority for it, and whether a command that came carries it. */
@Controller('v1/migrations/:id')
export class CommandsController {
  constructor(private readonly source: DataSource) {}

  @Post('commands')
  @HttpCode(200)
  @RequirePermission('commands:check', 'migration')
  checkCommand(
    @Param('id', uid) id: string,
    @Body({ schema: commandRequestSchema }) body: CommandRequest,
    @Call() call: CallContext,
  ): Promise<CommandVerdict> {
    return inTransaction(this.source, (tx) => checkCommand(tx, id, body, call));
  }

  /** A token that gives a command sent to the workflow the authority of the caller. */
  @Post('command-grants')
  @RequirePermission('commands:grant', 'migration')
  grantCommand(
    @Param('id', uid) id: string,
    @Body({ schema: commandGrantRequestSchema }) body: CommandGrantRequest,
    @Call() call: CallContext,
  ): Promise<IssuedGrant> {
    return inTransaction(this.source, (tx) => issueCommandGrant(tx, id, body, call));
  }
}
