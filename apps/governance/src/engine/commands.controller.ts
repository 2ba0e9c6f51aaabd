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
import type { CommandOutcome } from '@scc/migration/contract';
import { checkCommand, issueCommandGrant, type IssuedGrant } from './commands.js';
import { CommandSender, sendForCaller } from './operator-commands.js';

const uid = { schema: uidSchema };

/** Commands of people to a running migration: the authority for it, and whether a command that came carries it. */
@Controller('v1/migrations/:id')
export class CommandsController {
  constructor(
    private readonly source: DataSource,
    private readonly sender: CommandSender,
  ) {}

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

  /** Sends a command to the running migration, with the authority of the caller. */
  @Post('operator-commands')
  @HttpCode(200)
  @RequirePermission('commands:grant', 'migration')
  sendCommand(
    @Param('id', uid) id: string,
    @Body({ schema: commandGrantRequestSchema }) body: CommandGrantRequest,
    @Call() call: CallContext,
  ): Promise<CommandOutcome> {
    return sendForCaller(this.source, id, body, { call, send: this.sender.send });
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
