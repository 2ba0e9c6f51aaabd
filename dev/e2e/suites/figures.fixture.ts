import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { CHART } from '../../src/cluster/places.js';
import type { Stack } from '../../src/index.js';

const metadataSchema = z.object({ data: z.record(z.string(), z.array(z.object({ type: z.string() }))) });
const groupsSchema = z.object({
  data: z.object({ groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), health: z.string() })) })) }),
});

/** The families that the files of the chart ask for. Prometheus names the parts of a histogram by their family. */
async function askedFor(): Promise<string[]> {
  const texts = await Promise.all(
    ['alerts.yaml', 'dashboard.json'].map((file) => readFile(path.join(CHART, 'files', file), 'utf8')),
  );
  const names = texts.join('\n').match(/\bscc_[a-z_]+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_bucket$/, '')))].toSorted();
}

/** The figures that alerts and dashboard ask for are those that the processes tell the Prometheus of the stack. */
export function figures(stackOf: () => Stack): void {
  const ask = async <Schema extends z.ZodType>(schema: Schema, route: string): Promise<z.output<Schema>> => {
    const url = `${stackOf().addresses.prometheus}${route}`;
    return schema.parse(await (await fetch(url, { signal: AbortSignal.timeout(10_000) })).json());
  };

  describe('figures', () => {
    it('are those that alerts and dashboard ask for', async () => {
      const asked = await askedFor();
      expect(asked.length).toBeGreaterThan(20);
      const missing = await waitFor(
        async () => {
          const known = (await ask(metadataSchema, '/api/v1/metadata')).data;
          const unknown = asked.filter((name) => known[name] === undefined);
          return unknown.length === 0 || known['scc_worker_polling'] !== undefined ? unknown : null;
        },
        { timeoutMs: 30_000, what: 'the figures of the worker' },
      );
      expect(missing).toEqual([]);
    });

    it('are judged by the alerts in the Prometheus of the stack', async () => {
      const rules = await waitFor(
        async () => {
          const { data } = await ask(groupsSchema, '/api/v1/rules');
          const all = data.groups.flatMap((group) => group.rules);
          return all.length > 0 && all.every(({ health }) => health !== 'unknown') ? all : null;
        },
        { timeoutMs: 30_000, what: 'every alert to be evaluated' },
      );
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    });
  });
}
