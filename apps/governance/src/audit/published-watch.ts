import { createHash } from 'node:crypto';
import type { FoundContradiction } from './answers.js';
import { type AlsoWatched, inWords } from './authority-watch.js';
import type { PublishedContradiction } from './publish.js';

/** The table that a published checkpoint is found under. */
export const PUBLISHED = 'audit_checkpoint';

/**
 * Has a published checkpoint that the log does not continue written into the log, so that it stays found after a restart
 * and when the ConfigMap was taken away.
 */
export class PublishedWatch implements AlsoWatched {
  readonly name = 'the published checkpoint';
  private last: FoundContradiction[] = [];

  constructor(private readonly published: () => PublishedContradiction | null) {}

  get contradicted(): string | null {
    return inWords(this.last);
  }

  look(): Promise<FoundContradiction[]> {
    const published = this.published();
    this.last = published ? [foundOf(published)] : [];
    return Promise.resolve(this.last);
  }
}

const foundOf = ({ message, checkpoint }: PublishedContradiction): FoundContradiction => ({
  ...{ fault: 'rolled-back', table: PUBLISHED, key: 'published', by: null, message },
  holds: { stands: createHash('sha256').update(checkpoint).digest('hex') },
});
