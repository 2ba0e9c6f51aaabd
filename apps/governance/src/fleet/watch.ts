import { pause } from '@scc/runtime';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { driftFromDefaults } from '../registry/queries.js';
import { type FleetFigures, readFleet } from './figures.js';
import { endedSince, type PhaseStay, staysOf } from './phases.js';

const EVERY_MS = 10_000;
/** Looks between two comparisons of the SCCs with the defaults, which take time to compute. */
const COMPARE_EVERY = 6;
/** How an SCC of the cluster may differ from the default of its name. */
const DIFFERENCES = ['narrower', 'wider', 'incomparable'] as const;
/** An end is reported some time after it came; so long after it, it is still taken. */
const LATE_MS = 15 * 60_000;

export interface FleetWatchOptions {
  source: DataSource;
  logger: Logger;
  /** Hears how long migrations that ended stood in their phases, each migration once. */
  onStays: (stays: readonly PhaseStay[]) => void;
}

/** Reads the figures of the fleet every ten seconds, so that metrics never wait for the database. */
export class FleetWatch {
  private figures: FleetFigures | null = null;
  private differing: Readonly<Record<string, number>> = {};
  private looks = 0;
  /** Migrations whose stays were told, with the time of the look. */
  private readonly told = new Map<string, number>();
  private readonly begunMs = Date.now();
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: FleetWatchOptions) {}

  /** The last figures known; null before the first look. */
  get now(): FleetFigures | null {
    return this.figures;
  }

  /** SCCs of the cluster that differ from OpenShift's default of their name; empty before the first look. */
  get drift(): Readonly<Record<string, number>> {
    return this.differing;
  }

  start(): void {
    this.running = this.repeat();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** One look. While the database does not answer, the last figures stay. */
  async look(): Promise<void> {
    const { source, logger } = this.options;
    try {
      this.figures = await readFleet(source);
      await this.tellStays();
      if (this.looks++ % COMPARE_EVERY === 0) await this.compare();
    } catch (error) {
      logger.debug({ err: error }, 'the figures of the fleet cannot be read');
    }
  }

  private async compare(): Promise<void> {
    const found = (await driftFromDefaults(this.options.source)).filter(({ present }) => present);
    this.differing = Object.fromEntries(
      DIFFERENCES.map((difference) => [difference, found.filter(({ relation }) => relation === difference).length]),
    );
  }

  private async repeat(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.look();
      await pause(EVERY_MS, this.stopping.signal);
    }
  }

  private async tellStays(): Promise<void> {
    const nowMs = Date.now();
    for (const [uid, atMs] of this.told) if (nowMs - atMs > 2 * LATE_MS) this.told.delete(uid);
    // A migration that ended before this process began is of no rate that it shows.
    const since = new Date(Math.max(nowMs - LATE_MS, this.begunMs));
    const ended = await endedSince(this.options.source, since, [...this.told.keys()]);
    this.options.onStays(await staysOf(this.options.source, ended));
    for (const uid of ended) this.told.set(uid, nowMs);
  }
}
