import type { CampaignDetail, CampaignSummary } from '@scc/governance-api';
import type { KubeClient, KubeObject } from '@scc/kube';
import {
  AUTHOR_ANNOTATION,
  CAMPAIGN_TYPE,
  type CampaignSpec,
  campaignStatusSchema,
  isWaveApproved,
  type MemberStatus,
  parseCampaign,
} from '@scc/plan';
import { z } from 'zod';
import { isEverywhere, isInScope, type Scope } from '../call/scope.js';
import { type Database, rowsOf } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';

/** A name that an object of the cluster can have. */
export const campaignNameSchema = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);

interface Options {
  list: () => Promise<readonly KubeObject[]>;
  read: (name: string) => Promise<KubeObject | undefined>;
}

/** Of a campaign of another version nothing but the defaults can be said. */
function specOf(written: unknown): CampaignSpec {
  const parsed = parseCampaign(written);
  return parsed.ok ? parsed.spec : specOf({ selector: {} });
}

const campaignSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    creationTimestamp: z.coerce.date().optional(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z.unknown().transform(specOf),
  status: campaignStatusSchema.prefault({}).catch({}),
});
type Campaign = z.infer<typeof campaignSchema>;

const NO_COUNTS = { waves: 0, workloads: 0, waiting: 0, running: 0, completed: 0, failed: 0, left: 0 };

function summaryOf({ metadata, spec, status }: Campaign, scope: Scope): CampaignSummary {
  const { phase = 'Pending', message = '', wave = 0, attempt = 1, counts = NO_COUNTS } = status;
  return {
    name: metadata.name,
    author: metadata.annotations?.[AUTHOR_ANNOTATION] ?? null,
    createdAt: metadata.creationTimestamp?.toISOString() ?? null,
    message: isEverywhere(scope) ? message : null,
    ...{ phase, wave, attempt, counts, suspended: spec.suspend, aborted: spec.abort },
  };
}

/** By namespace and name of the plan: the uid of its newest migration. */
type Uids = ReadonlyMap<string, string>;

const memberOf = ({ plan, message, ...member }: MemberStatus, uids: Uids) => {
  const { namespace, kind, name, targetSCC, risk, state } = member;
  return {
    ...{ namespace, kind, name, targetSCC, risk, state, message: message ?? null },
    plan: plan === undefined ? null : { name: plan, uid: uids.get(`${namespace}/${plan}`) ?? null },
  };
};

/** Campaigns as the cluster has them, cut to what a caller may see. */
export class CampaignBoards {
  constructor(private readonly options: Options) {}

  async list(scope: Scope): Promise<CampaignSummary[]> {
    const newest = (one: CampaignSummary, other: CampaignSummary): number =>
      (other.createdAt ?? '').localeCompare(one.createdAt ?? '') || one.name.localeCompare(other.name);
    const objects = await this.options.list();
    return objects.map((object) => summaryOf(campaignSchema.parse(object), scope)).toSorted(newest);
  }

  /** @throws Refusal `notFound` */
  async detail(db: Database, name: string, scope: Scope): Promise<CampaignDetail> {
    const object = await this.options.read(name);
    if (!object) throw new Refusal('notFound', `no campaign ${name}`);
    const campaign = campaignSchema.parse(object);
    const { spec, status } = campaign;
    const summary = summaryOf(campaign, scope);
    const uids = await uidsOf(db, status.waves?.flatMap(({ workloads }) => workloads) ?? []);
    const { targetSCC, maxConcurrent, failureBudget, soak, approval, approvals } = spec;
    const approving = { approvalRequired: approval.required, approvals, author: summary.author };
    return {
      ...summary,
      ...{ targetSCC, maxConcurrent, failureBudget, soak, approvalRequired: approval.required, approvals },
      unread: status.unread ?? null,
      soakUntil: status.soakUntil === undefined ? null : new Date(status.soakUntil).toISOString(),
      waves: (status.waves ?? []).map(({ hash, workloads }, at) => {
        const number = at + 1;
        const seen = workloads.filter(({ namespace }) => isInScope(scope, namespace));
        const given = approvals.filter((one) => one.wave === number && one.hash === hash);
        return {
          ...{ number, hash, isApproved: isWaveApproved(approving, { number, hash }) },
          approvedBy: given.flatMap(({ by }) => (by === summary.author ? [] : [by])),
          workloads: seen.map((member) => memberOf(member, uids)),
          hidden: workloads.length - seen.length,
        };
      }),
      left: (status.left ?? []).filter(({ workload }) => isInScope(scope, workload.split('/')[0] ?? '')),
    };
  }
}

const uidRow = z.object({ namespace: z.string(), name: z.string(), plan_uid: z.string() });

async function uidsOf(db: Database, members: readonly MemberStatus[]): Promise<Uids> {
  const plans = members.flatMap(({ namespace, plan }) => (plan === undefined ? [] : [{ namespace, plan }]));
  if (plans.length === 0) return new Map();
  const rows = await rowsOf(
    db,
    uidRow,
    `select distinct on (v.namespace, v.name) v.namespace, v.name, v.plan_uid
     from view_migration v join jsonb_to_recordset($1::jsonb) as p (namespace text, plan text)
       on v.namespace = p.namespace and v.name = p.plan
     order by v.namespace, v.name, v.started_at desc`,
    [JSON.stringify(plans)],
  );
  return new Map(rows.map(({ namespace, name, plan_uid: uid }) => [`${namespace}/${name}`, uid]));
}

/** The campaigns of a cluster. */
export const campaignBoardsIn = (kube: Pick<KubeClient, 'get' | 'list'>): CampaignBoards =>
  new CampaignBoards({
    list: async () => (await kube.list(CAMPAIGN_TYPE)).items,
    read: (name) => kube.get({ ...CAMPAIGN_TYPE, name }),
  });
