import type { Logger } from '@scc/runtime';

/** The started parts, in that order; stopped in the other. */
export class Stoppables {
  private readonly stops: (() => Promise<unknown>)[] = [];

  add(stop: () => Promise<unknown>): void {
    this.stops.push(stop);
  }

  async stop(logger: Logger): Promise<void> {
    for (const stop of this.stops.splice(0).reverse())
      await stop().catch((error: unknown) => logger.error({ err: error }, 'stopping a part of the service failed'));
  }
}
