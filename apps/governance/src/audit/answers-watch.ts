import type { DataSource } from 'typeorm';
import type { AnswerSeals } from '../database/answer-seals.js';
import { type FoundContradiction, unanswered } from './answers.js';
import type { AlsoWatched } from './authority-watch.js';

/** Names the kept answers that were to be given again and that governance did not write. */
export class AnswersWatch implements AlsoWatched {
  readonly name = 'kept answers';

  constructor(
    private readonly source: DataSource,
    private readonly seals: AnswerSeals,
  ) {}

  async look(): Promise<FoundContradiction[]> {
    const found = this.seals.found.map(({ principal, key, seal }) => ({
      ...{ fault: 'row-differs', table: 'idempotency_key', key: `${principal} ${key}`, by: null },
      holds: { stands: seal },
      message: `the answer that is kept for the Idempotency-Key ${key} of ${principal} is not one that governance wrote; it was given to nobody`,
    }));
    return unanswered(this.source, found);
  }
}
