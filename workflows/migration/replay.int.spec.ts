import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { bundleOfSources } from '@scc/testing/workflow-bundle';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

const HISTORIES = path.join(import.meta.dirname, 'histories');
const recorded = readdirSync(HISTORIES)
  .filter((file) => file.endsWith('.json.gz'))
  .sort();

let workflowBundle: { code: string };

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  workflowBundle = await bundleOfSources(path.resolve(import.meta.dirname, 'index.ts'), [
    path.resolve(import.meta.dirname, 'tracing.ts'),
  ]);
}, 60_000);

/** Of workloads that no scenario of the demo has, recorded by the suite of the engine (`RECORD_HISTORIES=DIR`). */
const ROLLING = ['rolling-broken', 'rolling-whole'].map((plan) => path.join('rolling', `${plan}.json.gz`));
/** Of a campaign, recorded by its suite (`RECORD_HISTORIES=DIR`); the first from before signals were reported. */
const CAMPAIGNS = ['waves', 'signalled'].map((name) => path.join('campaign', `${name}.json.gz`));

const historyOf = async (file: string): Promise<{ events: Record<string, unknown>[] }> =>
  JSON.parse(gunzipSync(await readFile(path.join(HISTORIES, file))).toString()) as {
    events: Record<string, unknown>[];
  };

const scheduledIn = (events: readonly Record<string, unknown>[]): Record<string, unknown>[] =>
  events.filter(({ eventType }) => eventType === 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED');

describe('the histories that the demo recorded', () => {
  it('are those of its nine scenarios', () => {
    expect(recorded.map((file) => Number(file[0]))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it.each([...recorded, ...ROLLING, ...CAMPAIGNS])(
    'replay on this code: %s',
    async (file) => {
      await expect(Worker.runReplayHistory({ workflowBundle }, await historyOf(file))).resolves.toBeUndefined();
    },
    30_000,
  );

  it.each(recorded)('stay far below what Temporal takes, 10,000 events and 2 MB each: %s', async (file) => {
    const { events } = await historyOf(file);
    // The first is a migration that nothing disturbs.
    expect(scheduledIn(events).length).toBeLessThanOrEqual(file === recorded[0] ? 55 : 72);
    expect(events.length).toBeLessThan(500);
    expect(Math.max(...events.map((event) => JSON.stringify(event).length))).toBeLessThan(20_000);
  });

  it('do not replay when the code would have acted differently', async () => {
    const history = await historyOf(recorded[0] ?? '');
    const [, second] = scheduledIn(history.events);
    const attributes = second?.['activityTaskScheduledEventAttributes'] as { activityType: { name: string } };
    attributes.activityType.name = 'somethingElse';
    await expect(Worker.runReplayHistory({ workflowBundle }, history)).rejects.toThrow();
  }, 30_000);
});

it('the workflow bundle holds neither zod nor any vendor code', () => {
  for (const banned of ['zod', '@kubernetes', 'typeorm', 'node_modules/pg/'])
    expect(workflowBundle.code.includes(`node_modules/${banned}`)).toBe(false);
});
