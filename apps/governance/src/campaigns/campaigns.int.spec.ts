import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { auditBodySchema, reportClaims } from '@scc/audit';
import type { MakeInformer } from '@scc/kube';
import { AUTHOR_ANNOTATION, CAMPAIGN_TYPE, type CampaignStatus, editsAnnotation } from '@scc/plan';
import { createLogger, waitFor } from '@scc/runtime';
import { z } from 'zod';
import { governanceSuite } from '../suite.fixture.js';
import { followCampaigns } from './follow.js';

const database = governanceSuite();
const logger = createLogger('test', 'silent');
const HASHES = ['a'.repeat(64), 'b'.repeat(64)];
type State = 'Waiting' | 'Running' | 'Completed' | 'Failed';

/** A campaign as the API server would show it, with two waves of two workloads. */
class Campaign {
  readonly uid = randomUUID();
  #spec: Record<string, unknown> = { selector: {}, approval: { required: true }, approvals: [] };
  #edits: Record<string, string> = {};
  #status: CampaignStatus = {};

  constructor(readonly name: string) {}

  edit(by: string, change: Record<string, unknown>): this {
    const after = { ...this.#spec, ...change };
    this.#edits = editsAnnotation(this.#edits, { before: this.#spec, after, by });
    this.#spec = after;
    return this;
  }

  /** @param states of the workloads, wave by wave */
  to(status: CampaignStatus, ...states: [State, State][]): this {
    const workloads = (of: [State, State], wave: number) =>
      of.map((state, at) => ({
        ...{ namespace: 'shop', kind: 'Deployment', name: `w${wave}-${at}`, serviceAccount: 'sa' },
        ...{ targetSCC: 'restricted-v2', risk: 1, state },
      }));
    const waves = states.map((of, wave) => ({ hash: HASHES[wave] ?? '', workloads: workloads(of, wave) }));
    this.#status = { wave: 1, attempt: 1, ...status, ...(waves.length > 0 ? { waves } : {}) };
    return this;
  }

  get object() {
    const annotations = { [AUTHOR_ANNOTATION]: 'ana', ...this.#edits };
    const metadata = { name: this.name, uid: this.uid, annotations };
    return structuredClone({ ...CAMPAIGN_TYPE, metadata, spec: this.#spec, status: this.#status });
  }
}

/** A cluster that tells its followers of one campaign. */
function aCluster() {
  const followers: ((key: string, current: unknown, previous: unknown) => void)[] = [];
  let present: unknown[] = [];
  const makeInformer: MakeInformer = (_kind, onChange) => ({
    start: () => followers.push(onChange),
    stop: () => undefined,
    synced: Promise.resolve(),
    list: () => present,
    lastContactMs: () => 0,
  });
  const tell = ({ name }: Campaign, object: unknown): void => {
    const [previous] = present;
    present = object === undefined ? [] : [object];
    for (const follower of followers) follower(name, object, previous);
  };
  return {
    follow: () => followCampaigns({ source: database.app, makeInformer, logger }),
    tell: (campaign: Campaign) => tell(campaign, campaign.object),
    remove: (campaign: Campaign) => tell(campaign, undefined),
  };
}

async function entriesOf({ uid, name }: Campaign) {
  const rows = z
    .array(z.object({ body: z.instanceof(Buffer) }))
    .parse(
      await database.app.query(
        `select body from audit_entry where object_kind = 'SCCMigrationCampaign' and object_name = $1 order by id`,
        [name],
      ),
    );
  return rows
    .map(({ body }) => auditBodySchema.parse(JSON.parse(body.toString('utf8'))))
    .filter(({ details }) => z.object({ uid: z.string() }).parse(details).uid === uid);
}
const saidOf = async (campaign: Campaign): Promise<string[]> =>
  (await entriesOf(campaign)).map(({ action, actor }) => `${action.replace('campaign.', '')} ${actor.name}`);
const untilSaid = (campaign: Campaign, last: string): Promise<boolean> =>
  waitFor(async () => (await saidOf(campaign)).at(-1)?.startsWith(last), { timeoutMs: 60_000, what: last });

const GOVERNANCE = 'system:governance';

describe('a campaign in the audit log', () => {
  it('is there with who did what, once each however many processes follow it, and in the report', async () => {
    const cluster = aCluster();
    const campaign = new Campaign('fleet');
    const followers = [cluster.follow(), cluster.follow()];
    cluster.tell(campaign);
    cluster.tell(campaign.to({ phase: 'Running' }, ['Waiting', 'Waiting'], ['Waiting', 'Waiting']));
    await untilSaid(campaign, 'approvalNeeded');
    const [first = '', second = ''] = HASHES;
    const approvals = [{ wave: 1, hash: first, by: 'bob' }];
    cluster.tell(campaign.edit('bob', { approvals }));
    // A look at the campaign takes what was edited before what became of its waves.
    cluster.tell(campaign.to({ phase: 'Running' }, ['Running', 'Waiting'], ['Waiting', 'Waiting']));
    await untilSaid(campaign, 'waveBegun');
    cluster.tell(campaign.edit('eve', { suspend: true }));
    cluster.tell(campaign.edit('eve', { suspend: false, maxConcurrent: 9 }));
    await untilSaid(campaign, 'edited');
    const counts = { waves: 2, workloads: 4, waiting: 2, running: 0, completed: 1, failed: 1, left: 0 };
    cluster.tell(campaign.to({ phase: 'Stopped', counts }, ['Completed', 'Failed'], ['Waiting', 'Waiting']));
    await untilSaid(campaign, 'budgetSpent');
    cluster.tell(campaign.edit('ana', { attempt: 2 }));
    cluster.tell(campaign.to({ phase: 'Running', attempt: 2 }, ['Completed', 'Running'], ['Waiting', 'Waiting']));
    cluster.tell(campaign.to({ phase: 'Running', attempt: 2 }, ['Completed', 'Completed'], ['Waiting', 'Waiting']));
    await untilSaid(campaign, 'waveEnded');
    cluster.tell(campaign.edit('mia', { approvals: [{ wave: 2, hash: second, by: 'mia' }] }));
    cluster.tell(
      campaign.to(
        { phase: 'Completed', message: 'all moved', attempt: 2 },
        ['Completed', 'Completed'],
        ['Completed', 'Completed'],
      ),
    );
    await untilSaid(campaign, 'completed');
    await Promise.all(followers.map(({ stop }) => stop()));

    const said = await saidOf(campaign);
    expect(said.slice(0, 3)).toEqual(['created ana', `boardMade ${GOVERNANCE}`, `approvalNeeded ${GOVERNANCE}`]);
    expect(said.slice(3)).toEqual([
      'approved bob',
      `waveBegun ${GOVERNANCE}`,
      'paused eve',
      'resumed eve',
      'edited eve',
      `waveEnded ${GOVERNANCE}`,
      `budgetSpent ${GOVERNANCE}`,
      'edited ana',
      `waveEnded ${GOVERNANCE}`,
      'approvalWithdrawn mia',
      'approved mia',
      `waveBegun ${GOVERNANCE}`,
      `waveEnded ${GOVERNANCE}`,
      `completed ${GOVERNANCE}`,
    ]);
    const period = { from: '2026-01-01T00:00:00.000Z', to: new Date(Date.now() + 1000).toISOString() };
    expect(reportClaims(await entriesOf(campaign), period).campaigns).toMatchObject([
      {
        ...{ name: 'fleet', author: 'ana', outcome: 'completed', message: 'all moved' },
        budgetSpent: [{ failed: 1, budget: 0 }],
        waves: [
          { wave: 1, fourEyes: 'held', completed: 2, failed: 0, approvals: [{ by: 'bob', withdrawnBy: 'mia' }] },
          { wave: 2, fourEyes: 'held', completed: 2, failed: 0, approvals: [{ by: 'mia', withdrawnBy: null }] },
        ],
        commands: [
          { what: 'paused', by: 'eve' },
          { what: 'resumed', by: 'eve' },
          { what: 'edited', by: 'eve', changes: { maxConcurrent: 9 } },
          { what: 'edited', by: 'ana', changes: { attempt: 2 } },
        ],
      },
    ]);
  });

  it('says of a signal to Temporal that it proves no sender, once for each', async () => {
    const cluster = aCluster();
    const campaign = new Campaign('signalled');
    const follower = cluster.follow();
    const [first, second] = ['2026-03-10T12:00:00.000Z', '2026-03-10T12:01:00.000Z'];
    const paused = { command: 'pause' as const, claimedActor: 'eve', at: first };
    cluster.tell(campaign.to({ phase: 'Running', signals: [paused] }));
    await untilSaid(campaign, 'paused');
    const signals = [paused, { ...paused, at: second }, { command: 'abort' as const, claimedActor: null, at: second }];
    cluster.tell(campaign.to({ phase: 'Aborted', message: 'aborted in wave 1', signals }));
    await untilSaid(campaign, 'aborted');
    await follower.stop();
    const entries = await entriesOf(campaign);
    expect(entries.slice(1).map(({ action }) => action)).toEqual([
      ...['campaign.paused', 'campaign.paused', 'campaign.abortRequested', 'campaign.aborted'],
    ]);
    expect(entries[1]).toMatchObject({
      actor: { name: GOVERNANCE },
      details: { claimedActor: 'eve', reason: 'by a signal to Temporal, which says that it is from eve' },
    });
    const period = { from: '2026-01-01T00:00:00.000Z', to: new Date(Date.now() + 1000).toISOString() };
    expect(reportClaims(entries, period).campaigns[0]?.commands.map(({ what, by }) => `${what} by ${by}`)).toEqual([
      ...['paused by eve (as a signal says)', 'paused by eve (as a signal says)'],
      'aborted by a signal that names nobody',
    ]);
  });

  it('is written when governance comes back, its deletion as well', async () => {
    const cluster = aCluster();
    const campaign = new Campaign('later');
    cluster.tell(campaign.edit('eve', { abort: true }).to({ phase: 'Aborted', message: 'aborted in wave 1' }));
    const first = cluster.follow();
    await untilSaid(campaign, 'aborted');
    await first.stop();
    expect(await saidOf(campaign)).toEqual(['created ana', 'abortRequested eve', `aborted ${GOVERNANCE}`]);
    cluster.remove(campaign);
    const second = cluster.follow();
    await untilSaid(campaign, 'deleted');
    await second.stop();
    expect(await saidOf(campaign)).toHaveLength(4);
  });
});
