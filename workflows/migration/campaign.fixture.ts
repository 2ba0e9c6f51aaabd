import { cancellationSignal, heartbeat, sleep } from '@temporalio/activity';
import type {
  CampaignActivities,
  CampaignReport,
  CampaignSettings,
  MemberOutcome,
  TrackedMember,
  TrackedWave,
} from './campaign-payloads.js';

interface Options {
  /** The sizes of the waves. */
  waves: readonly number[];
  settings?: Partial<CampaignSettings>;
  /** How long a plan takes, in milliseconds. */
  planMs?: number;
  /** Plans that fail, by the name of their workload and the attempt: `w1-0/1`. */
  failing?: readonly string[];
}

interface Plan {
  namespace: string;
  member: string;
  endsAtMs: number;
  fails: boolean;
}

const LOOK_MS = 20;
const settingsWith = (over: Partial<CampaignSettings>): CampaignSettings => ({
  ...{ generation: 1, author: 'ana', maxConcurrent: 2, failureBudget: 0, soakMs: 0, attempt: 1 },
  ...{ approvalRequired: false, approvals: [], suspend: false, abort: false },
  ...over,
});

const aMember = (name: string): TrackedMember => ({
  ...{ namespace: 'shop', kind: 'Deployment', name, serviceAccount: name, targetSCC: 'restricted-v2' },
  state: 'Waiting',
});

/** A cluster in memory whose plans end by themselves, and the activities of a campaign on it. */
export function aCampaignWorld({ waves, settings: over = {}, planMs = 0, failing = [] }: Options) {
  let settings = settingsWith(over);
  let isGone = false;
  const board: TrackedWave[] = waves.map((size, wave) => ({
    hash: `hash-${wave + 1}`,
    members: Array.from({ length: size }, (_one, at) => aMember(`w${wave + 1}-${at}`)),
  }));
  const plans = new Map<string, Plan>();
  const seen = { created: [] as string[], most: 0, reports: [] as CampaignReport[] };
  const running = (): number => [...plans.values()].filter(({ endsAtMs }) => endsAtMs > Date.now()).length;

  function outcomeOf(plan: string): MemberOutcome[] {
    const found = plans.get(plan);
    if (!found || found.endsAtMs > Date.now()) return [];
    const { namespace, fails } = found;
    return [{ namespace, plan, state: fails ? 'Failed' : 'Completed', message: fails ? 'RolledBack: its gate' : '' }];
  }

  const activities: CampaignActivities = {
    beginCampaign: () => Promise.resolve({ waves: structuredClone(board), attempt: 1, settings }),
    createPlan: (_ref, { namespace, name, attempt }) => {
      const plan = `${name}-${attempt}`;
      if (!plans.has(plan)) {
        seen.created.push(plan);
        const fails = failing.includes(`${name}/${attempt}`);
        plans.set(plan, { namespace, member: name, endsAtMs: Date.now() + planMs, fails });
        seen.most = Math.max(seen.most, running());
      }
      return Promise.resolve({ plan });
    },
    awaitChange: async (_ref, { generation, running: asked, untilMs }) => {
      for (;;) {
        cancellationSignal().throwIfAborted();
        heartbeat();
        const outcomes = asked.flatMap(({ plan }) => outcomeOf(plan));
        if (isGone) return { settings: null, outcomes };
        const isOver = untilMs !== null && Date.now() >= untilMs;
        if (outcomes.length > 0 || isOver || settings.generation !== generation) return { settings, outcomes };
        await sleep(LOOK_MS);
      }
    },
    reportCampaign: (_ref, report) => {
      seen.reports.push(report);
      return Promise.resolve();
    },
  };
  return {
    activities,
    seen,
    /** Edits the campaign. */
    edit: (change: Partial<CampaignSettings>): void => {
      settings = { ...settings, ...change, generation: settings.generation + 1 };
    },
    /** Deletes the campaign; its plans stay. */
    remove: (): void => {
      isGone = true;
    },
    /** What the newest report says. */
    said: (): Pick<CampaignReport, 'phase' | 'message' | 'wave'> | undefined => seen.reports.at(-1),
  };
}
