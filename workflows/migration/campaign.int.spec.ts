import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { jest } from '@jest/globals';
import { Client, type WorkflowHandle, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { waitFor } from '@scc/runtime';
import { scaled } from '@scc/testing/scale';
import { startWorkflowServer, type WorkflowServer } from '@scc/testing/workflow-server';
import { aCampaignWorld } from './campaign.fixture.js';
import { CAMPAIGN_WORKFLOW, campaignWorkflowIdOf, commandSignal } from './contract.js';

/** Campaigns on a real Temporal server; the cluster that their plans stand in is in memory. */

jest.setTimeout(120_000);

/** Events after which Temporal suggests another run here: fewer than the campaigns of this suite have. */
const SUGGESTED_END = 120;

let server: WorkflowServer;
let client: Client;
beforeAll(async () => {
  server = await startWorkflowServer(path.resolve(import.meta.dirname, 'index.ts'), SUGGESTED_END);
  client = new Client({ connection: server.connection, namespace: server.temporal.namespace });
});
afterAll(() => server.stop());

let campaigns = 0;
const workers = new Set<() => Promise<void>>();
afterEach(() => Promise.all([...workers].map((stop) => stop())));

/** A campaign that runs, on workers that can be replaced. */
async function aCampaign(options: Parameters<typeof aCampaignWorld>[0]) {
  const world = aCampaignWorld(options);
  const ref = { name: 'fleet', uid: `f${(campaigns += 1)}` };
  const taskQueue = ref.uid;
  const { temporal, native, workflowBundle } = server;
  const startWorker = async () => {
    const worker = await Worker.create({
      ...{ connection: native, namespace: temporal.namespace, taskQueue, workflowBundle },
      ...{ activities: world.activities, shutdownGraceTime: '100ms', maxCachedWorkflows: 0 },
    });
    const ended = worker.run();
    const stop = async (): Promise<void> => {
      workers.delete(stop);
      worker.shutdown();
      await ended;
    };
    workers.add(stop);
    return stop;
  };
  let stopWorker = await startWorker();
  const handle = (await client.workflow.start(CAMPAIGN_WORKFLOW, {
    ...{ workflowId: campaignWorkflowIdOf(ref), taskQueue, args: [{ ref }] },
  })) as WorkflowHandleWithFirstExecutionRunId<() => Promise<string>>;
  return {
    ...world,
    handle,
    firstRun: handle.firstExecutionRunId,
    /** Another worker takes over, which knows nothing of the one before. */
    replaceWorker: async () => {
      await stopWorker();
      stopWorker = await startWorker();
    },
    until: (wanted: string) =>
      waitFor(() => Promise.resolve(world.said()?.message.includes(wanted)), { timeoutMs: 30_000, what: wanted }),
    end: () => handle.result(),
  };
}

const namesOf = (waves: readonly number[], attempt = 1): string[] =>
  waves.flatMap((size, wave) => Array.from({ length: size }, (_one, at) => `w${wave + 1}-${at}-${attempt}`));

/** For replay, where the environment names a folder for it. */
async function record(handle: WorkflowHandle, name: string): Promise<void> {
  const folder = process.env['RECORD_HISTORIES'];
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, `${name}.json.gz`), gzipSync(historyToJSON(await handle.fetchHistory())));
}

it('moves wave after wave, waits for approvals, stops on failures, and goes on when told to', async () => {
  const campaign = await aCampaign({
    ...{ waves: [2, 3], planMs: 100, failing: ['w1-1/1'] },
    settings: { approvalRequired: true, soakMs: 300 },
  });
  await campaign.until('waits for the approval of its set hash-1');
  expect(campaign.seen.created).toEqual([]);
  campaign.edit({ approvals: [{ wave: 1, hash: 'hash-1', by: 'bob' }] });
  await campaign.until('1 failed, and the budget is 0');
  expect(campaign.seen.created).toEqual(['w1-0-1', 'w1-1-1']);
  campaign.edit({ attempt: 2 });
  await campaign.until('waits for the approval of its set hash-2');
  await campaign.handle.signal(commandSignal('pause'), { actor: 'eve' });
  await campaign.until('suspended');
  campaign.edit({
    approvals: [
      { wave: 1, hash: 'hash-1', by: 'bob' },
      { wave: 2, hash: 'hash-2', by: 'bob' },
    ],
  });
  await campaign.handle.signal(commandSignal('resume'));
  expect(await campaign.end()).toBe('5 of 5 workloads moved');
  expect(campaign.seen.created).toEqual(['w1-0-1', 'w1-1-1', 'w1-1-2', 'w2-0-2', 'w2-1-2', 'w2-2-2']);
  const signals = campaign.seen.reports.flatMap(({ signals: told = [] }) => told);
  expect(signals.map(({ command, claimedActor }) => [command, claimedActor])).toEqual([
    ['pause', 'eve'],
    ['resume', null],
  ]);
  await record(campaign.handle, 'signalled');
});

it('creates no plan twice and forgets none when workers are replaced in each wave', async () => {
  const waves = Array.from({ length: scaled(2) }, () => 4);
  const campaign = await aCampaign({ waves, planMs: 150, settings: { maxConcurrent: 3 } });
  for (const [at] of waves.entries()) {
    await waitFor(() => Promise.resolve((campaign.said()?.wave ?? 0) > at), { timeoutMs: 30_000, what: `wave ${at}` });
    await campaign.replaceWorker();
  }
  expect(await campaign.end()).toBe(`${4 * waves.length} of ${4 * waves.length} workloads moved`);
  expect(campaign.seen.created).toEqual(namesOf(waves));
  expect(campaign.seen.most).toBeLessThanOrEqual(3);
});

it('reports a signal that changes nothing as well', async () => {
  const campaign = await aCampaign({ waves: [1], settings: { suspend: true } });
  await campaign.until('suspended');
  for (const actor of ['ana', 'bob']) {
    await campaign.handle.signal(commandSignal('pause'), { actor });
    const told = () => campaign.seen.reports.flatMap(({ signals = [] }) => signals);
    await waitFor(() => told().some(({ claimedActor }) => claimedActor === actor), { timeoutMs: 30_000, what: actor });
  }
  await campaign.handle.signal(commandSignal('abort'));
  expect(await campaign.end()).toContain('aborted in wave 1');
  expect(campaign.seen.reports.at(-1)).toMatchObject({ signals: [{ command: 'abort', claimedActor: null }] });
});

it('begins no further plan when it is deleted, and leaves those that run', async () => {
  const campaign = await aCampaign({ waves: [3], planMs: 60_000, settings: { maxConcurrent: 2 } });
  await campaign.until('2 plans under way');
  campaign.remove();
  expect(await campaign.end()).toBe('the campaign was deleted; plans that run go on to their end');
  expect(campaign.seen.created).toEqual(['w1-0-1', 'w1-1-1']);
});

it('lets plans that run end when it is aborted', async () => {
  const campaign = await aCampaign({ waves: [3], planMs: 400, settings: { maxConcurrent: 2 } });
  await campaign.until('2 plans under way');
  campaign.edit({ abort: true });
  expect(await campaign.end()).toBe('aborted in wave 1; no further plan is begun');
  const changed = campaign.seen.reports.flatMap((report) => report.changed);
  expect(changed.filter(({ state }) => state === 'Completed').map(({ name }) => name)).toEqual(['w1-0', 'w1-1']);
  expect(campaign.seen.created).toHaveLength(2);
});

it('begins nothing outside of its windows', async () => {
  const opens = Date.now() + 60 * 60_000;
  const campaign = await aCampaign({ waves: [1], settings: { window: { isOpen: false, untilMs: opens } } });
  await campaign.until('outside of its windows');
  expect(campaign.seen.created).toEqual([]);
  campaign.edit({ window: { isOpen: true, untilMs: null } });
  expect(await campaign.end()).toBe('1 of 1 workload moved');
});

it('goes on in further runs when its history grows long', async () => {
  const waves = [9, 9];
  const campaign = await aCampaign({ waves, planMs: 5, settings: { maxConcurrent: 4 } });
  expect(await campaign.end()).toBe('18 of 18 workloads moved');
  expect(campaign.seen.created).toEqual(namesOf(waves));
  expect(campaign.seen.most).toBeLessThanOrEqual(4);
  expect((await campaign.handle.describe()).runId).not.toBe(campaign.firstRun);
});
