import { readFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { startTemporal } from '@scc/testing/temporal';
import { CAMPAIGN_WORKFLOW, campaignWorkflowIdOf } from '@scc/migration/contract';
import { aCampaignWorld } from '@scc/migration/testing';
import type { Bench, BenchResult } from './types.js';

const PLANS = 200;
const AT_ONCE = 20;
/** How long each plan takes: its pods only say that they are ready. */
const PLAN_MS = 200;
const MIB = 1024 * 1024;

/** What a campaign costs beside its plans, and whether twice as many plans cost twice as much. */
async function run(): Promise<BenchResult[]> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const temporal = await startTemporal();
  const native = await NativeConnection.connect({ address: temporal.address });
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace });
  const code = await readFile(new URL(import.meta.resolve('@scc/migration/workflow-bundle')), 'utf8');

  /** Milliseconds for each plan of a campaign of so many. */
  async function campaignOf(plans: number): Promise<number> {
    const waves = Array.from({ length: 4 }, () => plans / 4);
    const { activities, seen } = aCampaignWorld({ waves, planMs: PLAN_MS, settings: { maxConcurrent: AT_ONCE } });
    const ref = { name: 'fleet', uid: `plans-${plans}` };
    const taskQueue = ref.uid;
    const worker = await Worker.create({
      ...{ connection: native, namespace: temporal.namespace, taskQueue, workflowBundle: { code }, activities },
    });
    const running = worker.run();
    const began = performance.now();
    await client.workflow.execute(CAMPAIGN_WORKFLOW, {
      ...{ workflowId: campaignWorkflowIdOf(ref), taskQueue, args: [{ ref }] },
    });
    const each = (performance.now() - began) / plans;
    worker.shutdown();
    await running;
    if (seen.created.length !== plans || seen.most > AT_ONCE)
      throw new Error(`${seen.created.length} of ${plans} plans were created, ${seen.most} at once`);
    return each;
  }

  await campaignOf(AT_ONCE);
  const half = await campaignOf(PLANS / 2);
  const before = process.memoryUsage.rss();
  const each = await campaignOf(PLANS);
  const grown = (process.memoryUsage.rss() - before) / MIB;
  await connection.close();
  await native.close();
  await temporal.stop();
  return [
    { name: 'campaign', metric: `time for each of ${PLANS} plans`, value: each, unit: 'ms' },
    {
      ...{ name: 'campaign', metric: 'time for a plan against one of half as many', value: each, unit: 'ms' },
      ...{ reference: half, ratio: each / half },
    },
    { name: 'campaign', metric: 'memory of the worker', value: grown, unit: 'MiB' },
  ];
}

const bench: Bench = { name: 'campaign', run };
export default bench;
