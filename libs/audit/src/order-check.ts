import type { Findings } from './findings.js';

/** No transaction of the service stays open this long; a row that is older and yet comes later was put there. */
const TOLERANCE_MS = 10 * 60 * 1000;

/**
 * Judges the order of time. Entries commit a little out of order. One that is far older than what the log already holds
 * comes from a clock that was set back, which is worth a look, unless its row number is old as well: then an attacker
 * wrote a row into the past.
 */
export class OrderCheck {
  private latest = Number.NEGATIVE_INFINITY;
  private latestRow = Number.NEGATIVE_INFINITY;
  private inThePast = false;

  constructor(private readonly findings: Findings) {}

  see(entry: { row: number; entryId: string; occurredAt: string }, index: number | null): void {
    const at = Date.parse(entry.occurredAt);
    const isLate = at < this.latest - TOLERANCE_MS;
    if (isLate && entry.row < this.latestRow)
      this.findings.add(
        'back-dated',
        { index, entryId: entry.entryId },
        `written between older rows after the log had passed ${new Date(this.latest).toISOString()}`,
      );
    else if (isLate && !this.inThePast)
      this.findings.add(
        'clock-not-monotonic',
        { index, entryId: entry.entryId },
        `dated ${entry.occurredAt}, after entries of ${new Date(this.latest).toISOString()}`,
      );
    this.inThePast = isLate;
    if (at > this.latest) this.latest = at;
    if (entry.row > this.latestRow) this.latestRow = entry.row;
  }
}
