import { Controller, Get, Headers, type OnModuleDestroy, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Actor, type User } from '../call/actor.js';
import { RequirePermission } from '../call/require-permission.js';
import { Feed } from './feed.js';

/** The rights of a caller are looked at again when they come back, as often as a token is. */
const LIFE_MS = 60_000;
const BEAT_MS = 15_000;
const RETRY_MS = 500;
/** A follower that does not read is let go, and comes back for what it missed. */
const MAX_WAITING_BYTES = 64 * 1024;
const POSITION = /^[0-9]{1,15}$/;

/** Governance's records, as they are made: server-sent events. */
@Controller('v1/stream')
export class StreamController implements OnModuleDestroy {
  private readonly open = new Set<Response>();

  constructor(private readonly feed: Feed) {}

  @Get()
  @RequirePermission('migrations:read', 'list')
  stream(
    @Actor() { name, scope }: User,
    @Headers('last-event-id') last: string | undefined,
    @Res() response: Response,
  ): void {
    const write = (text: string): void => {
      // An answer that was ended closes only when its last bytes are read.
      if (response.writableEnded || response.destroyed) return;
      response.write(text);
      if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
    };
    const end = this.feed.follow({
      ...{ user: name, scope },
      last: last !== undefined && POSITION.test(last) ? Number(last) : null,
      taker: {
        change: (index, change) => write(`id: ${index}\nevent: change\ndata: ${JSON.stringify(change)}\n\n`),
        reset: (index) => write(`id: ${index}\nevent: reset\ndata: {}\n\n`),
      },
    });
    response.status(200).setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    response.setHeader('X-Accel-Buffering', 'no');
    write(`retry: ${RETRY_MS}\n\n`);
    this.open.add(response);
    const beat = setInterval(() => write(': beat\n\n'), BEAT_MS);
    const life = setTimeout(() => response.end(), LIFE_MS);
    response.once('close', () => {
      end();
      clearInterval(beat);
      clearTimeout(life);
      this.open.delete(response);
    });
  }

  /** Lets the server close: these answers would not end by themselves. */
  onModuleDestroy(): void {
    this.feed.stop();
    for (const response of this.open) response.end();
  }
}
