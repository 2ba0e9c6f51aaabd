import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  CAMPAIGN_TYPE,
  CAMPAIGN_UID_ANNOTATION,
  type CampaignStatus,
  campaignStatusSchema,
  PLAN_TYPE,
  plansPath,
} from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { scaled } from '@scc/testing/scale';
import { z } from 'zod';
import { type ClusterApi, type Stack, startLoad, waitForAnswers } from '../../src/index.js';
import { sccctlOn } from '../sccctl.fixture.js';
import { reportedFleet, scannedFleet } from './fleet-files.fixture.js';
import {
  ANSWER_MS,
  edits,
  FAILING,
  FLEET,
  FLEET_SPEC,
  MANIFESTS,
  MEMBERS,
  SIZES,
  streams,
  VAULT,
} from './fleet.fixture.js';

/** A campaign under load of which two workloads fail: that stops the rest until the causes are gone. */

const CAMPAIGNS = `/apis/${CAMPAIGN_TYPE.apiVersion}/sccmigrationcampaigns`;
/** `npm run verify` has sixty workloads, and kills these in each wave. */
const isWhole = scaled(1) > 1;
const KILLED = isWhole ? ['worker', 'governance', 'temporal'] : [];
const TIMEOUT_MS = isWhole ? 1_200_000 : 240_000;

const campaignSchema = z.looseObject({
  metadata: z.looseObject({ uid: z.string() }),
  status: campaignStatusSchema.prefault({}),
});
const planSchema = z.looseObject({
  metadata: z.looseObject({ uid: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
  spec: z.looseObject({ workloadRef: z.looseObject({ name: z.string() }) }),
});
const entriesSchema = z.array(
  z.looseObject({
    body: z.looseObject({
      action: z.string(),
      actor: z.looseObject({ name: z.string() }),
      details: z.looseObject({ wave: z.int().optional() }),
    }),
  }),
);
const generationSchema = z.looseObject({ metadata: z.looseObject({ generation: z.int() }) });
const readySchema = z.looseObject({
  status: z.looseObject({
    readyReplicas: z.int().optional(),
    numberReady: z.int().optional(),
    updatedReplicas: z.int().optional(),
    observedGeneration: z.int().optional(),
  }),
  metadata: z.looseObject({ generation: z.int() }),
});

/** Declares the campaign; the stack is asked for when a test runs. */
export function campaigns(stackOf: () => Stack): void {
  const pathOf = ({ namespace, kind, name }: { namespace: string; kind: string; name: string }): string =>
    `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`;
  const as = async (name: string): Promise<ClusterApi> =>
    stackOf().apiAs(await stackOf().token({ namespace: FLEET, name }));
  const userOf = (name: string): string => `system:serviceaccount:${FLEET}:${name}`;
  const sccctl = sccctlOn(stackOf, () => stackOf().stateDir);
  const isReady = async (workload: Parameters<typeof pathOf>[0]): Promise<boolean> => {
    const { status, metadata } = readySchema.parse(await stackOf().api.get(pathOf(workload)));
    return (
      status.observedGeneration === metadata.generation &&
      (status.readyReplicas ?? status.numberReady ?? 0) > 0 &&
      (status.updatedReplicas ?? 1) > 0
    );
  };

  beforeAll(async () => {
    const stack = stackOf();
    await stack.apply(MANIFESTS);
    for (const workload of MEMBERS)
      await waitFor(() => isReady(workload), { timeoutMs: TIMEOUT_MS, what: `${workload.name} to be ready` });
    await Promise.all(streams().map(({ host }) => waitForAnswers(stack.addresses.ingress, host)));
  }, TIMEOUT_MS);

  async function until(wanted: (status: CampaignStatus) => boolean, what: string): Promise<CampaignStatus> {
    let last: CampaignStatus = {};
    try {
      return await waitFor(
        async () => {
          last = campaignSchema.parse(await stackOf().api.get(`${CAMPAIGNS}/fleet`)).status;
          return wanted(last) ? last : null;
        },
        { timeoutMs: TIMEOUT_MS, everyMs: 200, what },
      );
    } catch (error) {
      throw new Error(`the campaign is not ${what}: ${JSON.stringify(last)}`, { cause: error });
    }
  }
  /** How many plans of the campaign each workload has. */
  const plansOf = async (uid: string): Promise<Record<string, number>> => {
    const found = (
      await Promise.all([FLEET, VAULT].map(async (place) => (await stackOf().api.list(plansPath(place))).items))
    )
      .flat()
      .map((plan) => planSchema.parse(plan))
      .filter(({ metadata }) => metadata.annotations[CAMPAIGN_UID_ANNOTATION] === uid);
    return Object.fromEntries(
      [...Map.groupBy(found, ({ spec }) => spec.workloadRef.name)].map(([name, plans]) => [name, plans.length]),
    );
  };
  const approve = (by: string, approvals: { wave: number; hash: string | undefined }[]) =>
    as(by).then((api) =>
      api.merge(`${CAMPAIGNS}/fleet`, {
        spec: { approvals: approvals.map((approval) => ({ ...approval, by: userOf(by) })) },
      }),
    );
  /** Kills each of the processes once while plans of this wave run. */
  const killIn = async (wave: number): Promise<void> => {
    for (const part of KILLED) {
      await until(({ wave: now, counts }) => now === wave && (counts?.running ?? 0) > 0, `in wave ${wave}`);
      await stackOf().part(part).kill();
      // With sixty workloads under load a process may need longer than a start is given.
      const started = () =>
        stackOf()
          .part(part)
          .start()
          .then(() => true);
      await waitFor(started, { timeoutMs: TIMEOUT_MS, everyMs: 500, what: `${part} to start again` });
    }
  };
  const failedOf = ({ waves = [] }: CampaignStatus) =>
    waves.flatMap(({ workloads }) => workloads).filter(({ state }) => state === 'Failed');

  describe('a campaign of many workloads', () => {
    scannedFleet(stackOf);

    it(
      'moves its waves one after the other, each once approved, and stops when more fail than it may',
      async () => {
        const { api } = stackOf();
        const author = await as('fleet-author');
        const made = campaignSchema.parse(
          await author.create(CAMPAIGNS, { ...CAMPAIGN_TYPE, metadata: { name: 'fleet' }, spec: FLEET_SPEC }),
        );
        const { uid } = made.metadata;
        const load = await startLoad(stackOf(), { streams: streams(), timeoutMs: ANSWER_MS });
        const board = await until(({ message = '' }) => message.includes('waits for the approval'), 'waiting');
        expect(board.waves?.map(({ workloads }) => workloads.length)).toEqual(SIZES);
        const approvals = board.waves?.map(({ hash }, at) => ({ wave: at + 1, hash })) ?? [];
        await expect(approve('fleet-author', approvals)).rejects.toThrow('does not approve its waves');
        const kept = { namespace: VAULT, kind: 'Deployment', name: FAILING.withoutRights };
        const { generation } = generationSchema.parse(await api.get(pathOf(kept))).metadata;
        expect(await plansOf(uid)).toEqual({});
        await approve('fleet-approver', approvals);
        for (const wave of [1, 2]) await killIn(wave);

        const stopped = await until(({ phase, counts }) => phase === 'Stopped' && counts?.running === 0, 'stopped');
        expect(stopped.counts).toMatchObject({ failed: 2, running: 0 });
        expect(stopped.counts?.waiting).toBeGreaterThanOrEqual((SIZES[2] ?? 0) + (SIZES[3] ?? 0));
        const [first, second, ...others] = failedOf(stopped);
        expect(others).toEqual([]);
        expect(first).toMatchObject({
          name: FAILING.withoutRights,
          message: expect.stringMatching(`AuthorLacksRight.*${userOf('fleet-author')}`) as unknown,
        });
        expect(second).toMatchObject({
          name: FAILING.broken,
          message: expect.stringMatching(/^RolledBack: /) as unknown,
        });
        expect(generationSchema.parse(await api.get(pathOf(kept))).metadata).toMatchObject({ generation });

        await stackOf().apply(edits(VAULT));
        const broken = { namespace: FLEET, kind: 'Deployment', name: FAILING.broken };
        const containers = [{ name: 'app', image: 'scc.poc/healthy:1' }];
        const mended = { spec: { template: { spec: { containers } } } };
        await api.call('PATCH', pathOf(broken), mended, 'application/strategic-merge-patch+json');
        await waitFor(() => isReady(broken), { timeoutMs: TIMEOUT_MS, what: 'the mended workload' });
        await author.merge(`${CAMPAIGNS}/fleet`, { spec: { attempt: 2 } });
        for (const wave of [3, 4]) await killIn(wave);
        const { counts, progress } = await until(({ phase }) => phase === 'Completed', 'completed');
        expect(counts).toMatchObject({ completed: MEMBERS.length, failed: 0, waiting: 0 });
        expect(progress).toBe(`${MEMBERS.length}/${MEMBERS.length}`);
        const failing = Object.values(FAILING);
        expect(await plansOf(uid)).toEqual(
          Object.fromEntries(MEMBERS.map(({ name }) => [name, failing.includes(name) ? 2 : 1])),
        );
        const { total, failures } = await load.stop();
        expect(failures).toEqual([]);
        expect(total.requests).toBeGreaterThan(300);
      },
      3 * TIMEOUT_MS,
    );

    it('is shown as a tree of its waves', async () => {
      const { code, out } = await sccctl(null, 'campaign', 'status', 'fleet');
      expect(code).toBe(0);
      for (const { name } of MEMBERS) expect(out).toContain(name);
      const list = (await sccctl(null, 'campaign', 'list')).out;
      expect(list).toMatch(new RegExp(`fleet +Completed +4 of 4 +${MEMBERS.length}/${MEMBERS.length}`));
    });

    it('is in the audit log with who did what, once each', async () => {
      const list = [
        ...['-o', 'json', 'audit', 'list', '--kind', 'SCCMigrationCampaign', '--name', 'fleet', '--limit', '100'],
      ];
      const said = async (): Promise<string[]> =>
        entriesSchema
          .parse(JSON.parse((await sccctl('scc-system/admin', ...list)).out))
          .map(({ body: { action, actor, details } }) => [action, actor.name, details.wave].join(' ').trim())
          .reverse();
      const all = await waitFor(
        async () => {
          const now = await said();
          return now.at(-1)?.startsWith('campaign.completed') ? now : null;
        },
        { timeoutMs: 30_000, everyMs: 500, what: 'the end of the campaign in the log' },
      );
      const governance = 'system:governance';
      const [author, approver] = [userOf('fleet-author'), userOf('fleet-approver')];
      const waves = SIZES.map((_size, at) => at + 1);
      // Waves of which something failed end twice; plans that run when the budget is spent end before it or after it.
      expect([...new Set(all)].toSorted()).toEqual(
        [
          ...[`campaign.created ${author}`, `campaign.boardMade ${governance}`],
          `campaign.approvalNeeded ${governance} 1`,
          ...waves.map((wave) => `campaign.approved ${approver} ${wave}`),
          ...waves.flatMap((wave) => [
            `campaign.waveBegun ${governance} ${wave}`,
            `campaign.waveEnded ${governance} ${wave}`,
          ]),
          ...[`campaign.budgetSpent ${governance}`, `campaign.edited ${author}`, `campaign.completed ${governance}`],
        ].toSorted(),
      );
      const twice = all.filter((one, at) => all.indexOf(one) !== at);
      expect(twice.filter((one) => !/^campaign\.waveEnded \S+ [12]$/.test(one))).toEqual([]);
      expect(all.slice(0, 3).map((one) => one.split(' ')[0])).toEqual([
        ...['campaign.created', 'campaign.boardMade', 'campaign.approvalNeeded'],
      ]);
    }, 60_000);

    reportedFleet(stackOf);

    it('is the only maker of its plans, and the worker makes no others', async () => {
      const annotations = {
        'scc.poc/campaign-name': 'fleet',
        'scc.poc/campaign-uid': 'a',
        'scc.poc/campaign-author': 'admin',
      };
      const spec = { workloadRef: { kind: 'Deployment', name: 'fleet-01' }, targetSCC: 'anyuid' };
      const plan = { ...PLAN_TYPE, metadata: { name: 'forged', namespace: FLEET, annotations }, spec };
      await expect(stackOf().api.create(plansPath(FLEET), plan)).rejects.toThrow('for which campaign a plan was made');
      const worker = stackOf().apiAs(await stackOf().token({ namespace: 'scc-system', name: 'worker' }));
      const { annotations: _marks, ...metadata } = plan.metadata;
      await expect(worker.create(plansPath(FLEET), { ...plan, metadata })).rejects.toThrow(
        'creates plans for campaigns alone',
      );
    });
  });
}
