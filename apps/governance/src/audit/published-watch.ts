import { createHash } from 'node:crypto';
import type { Queryable } from '../database/rows.js';
import { type FoundContradiction, isAnswered } from './answers.js';
import type { AlsoWatched } from './authority-watch.js';
import type { PublishedContradiction } from './publish.js';

/** The table that a published checkpoint is found under. */
const PUBLISHED = 'audit_checkpoint';

/**
 * Has a published checkpoint that the log does not continue written into the log, so that it stays found after a restart
 * and when the ConfigMap was taken away.
 */
export class PublishedWatch implements AlsoWatched {
  readonly name = 'the published checkpoint';

  constructor(
    private readonly db: Queryable,
    private readonly published: () => PublishedContradiction | null,
    private readonly alteration: () => Promise<string | null> = () => Promise.resolve(null),
  ) {}

  async look(): Promise<FoundContradiction[]> {
    const altered = await this.alteration();
    const published = await this.unansweredOne();
    return [...(published ? [publishedFinding(published)] : []), ...(altered === null ? [] : [alteredOf(altered)])];
  }

  /** Who publishes knows of an answer only after the next try: found until then, it would be open again. */
  private async unansweredOne(): Promise<PublishedContradiction | null> {
    const published = this.published();
    return published && !(await isAnswered(this.db, published.checkpoint)) ? published : null;
  }
}

/** A published checkpoint that the log does not continue, as it is found and answered for. */
export const publishedFinding = ({ message, checkpoint }: PublishedContradiction): FoundContradiction => ({
  ...{ fault: 'rolled-back', table: PUBLISHED, key: 'published', by: null, message },
  holds: { stands: createHash('sha256').update(checkpoint).digest('hex') },
});

const alteredOf = (message: string): FoundContradiction => ({
  ...{ fault: 'checkpoint-replaced', table: 'published_checkpoint', key: 'altered', by: null, message },
  holds: { stands: createHash('sha256').update(message).digest('hex') },
});
