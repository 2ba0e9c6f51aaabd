import type { DataSource } from 'typeorm';
import { answeredStands, type FoundContradiction } from '../audit/answers.js';
import { type AlsoWatched, inWords } from '../audit/authority-watch.js';
import { answersIn, keepOpen } from '../audit/open-findings.js';
import { differencesOf, type HistoryDifference, reportedPlans } from './differences.js';

/** Plans of one look: with a look every 30 s, 3,000 an hour. */
const PLANS_A_LOOK = 25;

type JudgedDifference = HistoryDifference & { isAnswered: boolean };

/**
 * Compares what is read of migrations with the log that it has to follow from: some plans with each look, in turn, and
 * those again that differed.
 */
export class ReadModelWatch implements AlsoWatched {
  readonly name = 'the read model';
  private position = '';
  private last: FoundContradiction[] = [];
  private readonly differing = new Map<string, HistoryDifference[]>();

  constructor(private readonly source: DataSource) {}

  get contradicted(): string | null {
    return inWords(this.last);
  }

  /** Differences of the plans that were looked at that have no answer. */
  async look(): Promise<FoundContradiction[]> {
    const next = await reportedPlans(this.source, this.position, PLANS_A_LOOK);
    this.position = next.length < PLANS_A_LOOK ? '' : (next.at(-1) ?? '');
    await this.compare(new Set([...next, ...this.differing.keys()]));
    const differences = await this.judged();
    this.last = differences.filter((one) => !one.isAnswered).map(toFound);
    return this.last;
  }

  /** Compares every plan; what is found is written into the log, as everything is that contradicts it. */
  async lookAtAll(): Promise<{ migrations: number; differences: JudgedDifference[] }> {
    const answers = await answersIn(this.source);
    const plans = await reportedPlans(this.source);
    await this.compare(plans);
    const differences = await this.judged();
    this.last = differences.filter((one) => !one.isAnswered).map(toFound);
    if (this.last.length > 0) await keepOpen(this.source, this.last, answers);
    return { migrations: plans.length, differences };
  }

  private async judged(): Promise<JudgedDifference[]> {
    const answered = await answeredStands(this.source);
    return [...this.differing.values()]
      .flat()
      .map((one) => ({ ...one, isAnswered: answered.has(`${one.table} ${one.key} ${one.stands}`) }));
  }

  private async compare(plans: Iterable<string>): Promise<void> {
    for (const uid of plans) {
      const found = await differencesOf(this.source, uid);
      if (found.length > 0) this.differing.set(uid, found);
      else this.differing.delete(uid);
    }
  }
}

const toFound = ({ fault, table, key, stands, namespace, name, message }: HistoryDifference): FoundContradiction => ({
  ...{ fault, table, key, holds: { stands }, by: null },
  message: `${namespace}/${name}: ${table} ${message}`,
});
