import { z } from 'zod';
import type { Findings } from './findings.js';

const place = z.object({ table: z.string(), key: z.string() });
const foundSchema = z.object({ found: z.array(place.extend({ fault: z.string(), message: z.string() })) });
const answeredSchema = z.object({ rows: z.array(place).default([]), closed: z.array(place).default([]) });

interface Open {
  index: number | null;
  entryId: string;
  message: string;
}

const nameOf = ({ table, key }: z.infer<typeof place>): string => `${table}/${key}`;

/** What governance found to contradict the log, and wrote into it, until the entry in which somebody answers for it. */
export class OpenContradictions {
  private readonly open = new Map<string, Open>();

  see({ action, id, details }: { action: string; id: string; details: unknown }, index: number | null): void {
    if (action === 'record.contradicted')
      for (const one of foundSchema.safeParse(details).data?.found ?? [])
        this.open.set(nameOf(one), {
          ...{ index, entryId: id },
          message: `governance found that ${nameOf(one)} contradicts the log (${one.fault}): ${one.message}`,
        });
    if (action !== 'record.answered') return;
    const { rows = [], closed = [] } = answeredSchema.safeParse(details).data ?? {};
    for (const one of [...rows, ...closed]) this.open.delete(nameOf(one));
  }

  finish(findings: Findings): void {
    for (const { index, entryId, message } of this.open.values())
      findings.add('contradicted', { index, entryId }, message);
  }
}
