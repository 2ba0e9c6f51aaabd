import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { CHART } from '../../src/cluster/places.js';
import type { Stack } from '../../src/index.js';

const metadataSchema = z.object({ data: z.record(z.string(), z.array(z.object({ type: z.string() }))) });
const dashboardSchema = z.object({
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })) })),
});
const resultSchema = z.object({
  data: z.union([z.array(z.unknown()), z.object({ result: z.array(z.unknown()) }).transform(({ result }) => result)]),
});
/** Panels of what begins to be counted when it first happens, or is there only while it happens. */
const UNTOLD = [
  ...['Weight of canaries', 'Ended in an hour', 'Undone, by cause', 'Checks of gates', 'Time in phase, 9 of 10 below'],
  ...['Activities that fail', 'Notifications that wait', 'Notifications given up'],
];
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

    it('answer every query of the dashboard, wherever they have been told at all', async () => {
      const { panels } = dashboardSchema.parse(
        JSON.parse(await readFile(path.join(CHART, 'files/dashboard.json'), 'utf8')),
      );
      const lengthOf = async (route: string, query: Record<string, string>): Promise<number> => {
        const now = Math.floor(Date.now() / 1000);
        const hour = new URLSearchParams({ ...query, start: String(now - 3600), end: String(now) });
        return (await ask(resultSchema, `/api/v1/${route}?${hour.toString()}`)).data.length;
      };
      /** Panels without an answer: those whose figures Prometheus has, and those whose figures it does not have. */
      const unanswered = async (): Promise<{ told: string[]; untold: string[] }> => {
        const found = { told: [] as string[], untold: [] as string[] };
        for (const { title, targets } of panels)
          for (const { expr } of targets) {
            // Where nothing is counted, nothing is above nothing.
            const query = expr.replace(/ > 0$/, '');
            if ((await lengthOf('query_range', { query, step: '5' })) > 0) continue;
            const selectors = expr.match(/\bscc_[a-z_]+(\{[^}]*\})?/g) ?? [];
            const series = await Promise.all(selectors.map((match) => lengthOf('series', { 'match[]': match })));
            found[series.every((count) => count > 0) ? 'told' : 'untold'].push(title);
          }
        return found;
      };
      // A rate needs two reads of what is counted.
      const { untold } = await waitFor(
        async () => {
          const found = await unanswered();
          return found.told.length === 0 ? found : null;
        },
        { timeoutMs: 30_000, everyMs: 1000, what: 'an answer to every query' },
      ).catch(async (error: unknown) => {
        throw new Error(`no answer for ${(await unanswered()).told.join(', ')}`, { cause: error });
      });
      expect(UNTOLD).toEqual(expect.arrayContaining(untold));
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
