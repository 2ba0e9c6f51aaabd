/** The meaning of each fault; `verify` prints the name, the runbook explains it. */
const FAULTS = {
  'body-edited': 'tampered',
  'body-reencoded': 'tampered',
  'leaf-rewritten': 'tampered',
  'entry-malformed': 'tampered',
  'column-altered': 'tampered',
  'entry-missing': 'tampered',
  'entry-inserted': 'tampered',
  'back-dated': 'tampered',
  'entries-swapped': 'tampered',
  'seal-order-changed': 'tampered',
  'index-gap': 'tampered',
  'tail-truncated': 'tampered',
  'root-mismatch': 'tampered',
  'tile-altered': 'tampered',
  'checkpoint-signature-invalid': 'tampered',
  'checkpoint-replaced': 'tampered',
  'checkpoint-missing': 'tampered',
  'key-replaced': 'tampered',
  'rotation-invalid': 'tampered',
  'foreign-origin': 'tampered',
  'split-view': 'tampered',
  'rolled-back': 'tampered',
  'history-rewritten': 'tampered',
  'receipt-missing': 'tampered',
  'receipt-contradicted': 'tampered',
  'row-without-entry': 'tampered',
  'entry-without-row': 'tampered',
  'row-differs': 'tampered',
  contradicted: 'tampered',
  'unsealed-entries': 'incomplete',
  'export-truncated': 'incomplete',
  'anchor-unusable': 'incomplete',
  'clock-not-monotonic': 'warning',
  'no-anchor': 'warning',
  'no-pinned-key': 'warning',
  'tables-not-compared': 'warning',
} as const satisfies Record<string, 'tampered' | 'incomplete' | 'warning'>;

export type Fault = keyof typeof FAULTS;
export type Severity = (typeof FAULTS)[Fault];

export interface Finding {
  fault: Fault;
  severity: Severity;
  /** The first entry that is bad, null when the fault has no place in the log. */
  index: number | null;
  entryId: string | null;
  message: string;
}

/** Found because the log contradicts something outside; a fault in the log itself says more. */
const BY_WITNESS: readonly Fault[] = ['history-rewritten', 'receipt-contradicted', 'receipt-missing'];

/** About the tables beside the log: what an altered entry would have made of them says less than the entry. */
const BESIDE_THE_LOG: readonly Fault[] = ['row-without-entry', 'entry-without-row', 'row-differs', 'contradicted'];

const KEPT_PER_FAULT = 20;

/** Collects findings; keeps the first twenty of each fault and counts the rest. */
export class Findings {
  private readonly kept: Finding[] = [];
  private readonly counts = new Map<Fault, number>();

  add(fault: Fault, at: { index?: number | null; entryId?: string | null }, message: string): void {
    const seen = (this.counts.get(fault) ?? 0) + 1;
    this.counts.set(fault, seen);
    if (seen > KEPT_PER_FAULT) return;
    this.kept.push({ fault, severity: FAULTS[fault], index: at.index ?? null, entryId: at.entryId ?? null, message });
  }

  has(fault: Fault): boolean {
    return this.counts.has(fault);
  }

  /**
   * By place in the log, findings without a place last; at one place the log's own fault before its witness. Tables that
   * contradict the log come after everything that is wrong with the log itself.
   */
  sorted(): Finding[] {
    const beside = ({ fault }: Finding): number => Number(BESIDE_THE_LOG.includes(fault));
    const place = ({ index }: Finding): number => index ?? Number.MAX_SAFE_INTEGER;
    const rank = ({ fault }: Finding): number => BY_WITNESS.indexOf(fault);
    return this.kept.toSorted((a, b) => beside(a) - beside(b) || place(a) - place(b) || rank(a) - rank(b));
  }

  totals(): Partial<Record<Fault, number>> {
    return Object.fromEntries(this.counts);
  }
}
