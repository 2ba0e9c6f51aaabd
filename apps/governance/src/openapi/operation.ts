import type { z } from 'zod';

/** Summary and answer of a route; its parameters are read from its controller. */
export interface Operation {
  summary: string;
  /** Null answers nothing; `lines` answers one JSON record a line, `events` server-sent events. */
  answer: z.ZodType | null | 'lines' | 'events';
  /** `change`: needs If-Match. `save`: needs If-Match, or If-None-Match: * for what must not exist. */
  condition?: 'change' | 'save';
  /** The answer carries the version as its ETag. */
  versioned?: true;
  /** A read that the state of a migration may refuse. Writes may always be refused so. */
  mayConflict?: true;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Routes by method and path. */
export type Operations = Record<`${Method} /v1/${string}`, Operation>;
