import { messageOf } from '@scc/runtime';
import { compareScans, type ScanChange, type ScanReport } from '@scc/scc/scan';

/** Between two looks, in seconds. A look lists every kind of the cluster, so it is no informer. */
export const WATCH_SECONDS = { default: 300, least: 5 } as const;

/** The surroundings that a watch needs. */
export interface WatchParts {
  look: () => Promise<ScanReport>;
  /** Takes the first report, and then each later one with what changed since the one before. */
  show: (report: ScanReport, changes: readonly ScanChange[] | null) => Promise<void>;
  /** A look failed; the next one is compared with the last that did not. */
  failed: (reason: string) => void;
  /** Waits so many milliseconds, or less when the watch is to end. */
  wait: (ms: number) => Promise<void>;
  /** Milliseconds that never go back. */
  now: () => number;
  isOver: () => boolean;
}

/**
 * Looks again and again, and tells what changed. After a look the cluster is left alone for `everyMs`, and for at least
 * as long as the look took.
 * @throws Error when the first look fails: there is nothing to compare with
 */
export async function watchScans(parts: WatchParts, everyMs: number): Promise<void> {
  let last: ScanReport | null = null;
  for (;;) {
    const startedMs = parts.now();
    try {
      const report = await parts.look();
      const changes: ScanChange[] | null = last === null ? null : compareScans(last, report);
      last = report;
      await parts.show(report, changes);
    } catch (error) {
      if (last === null) throw error;
      parts.failed(messageOf(error));
    }
    if (parts.isOver()) return;
    await parts.wait(Math.max(everyMs, parts.now() - startedMs));
    if (parts.isOver()) return;
  }
}
