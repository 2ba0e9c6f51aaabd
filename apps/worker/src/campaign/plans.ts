import { activityInfo } from '@temporalio/activity';
import { isAlreadyThere, type KubeClient, type KubeObject } from '@scc/kube';
import type { CampaignRef, MemberOutcome } from '@scc/migration/contract';
import {
  CAMPAIGN_ANNOTATION,
  CAMPAIGN_AUTHOR_ANNOTATION,
  CAMPAIGN_LABEL,
  CAMPAIGN_UID_ANNOTATION,
  campaignPlanName,
  isTerminal,
  isWaveApproved,
  labelValue,
  memberKey,
  type MemberStatus,
  PLAN_TYPE,
  planStatusSchema,
} from '@scc/plan';
import { messageOf } from '@scc/runtime';
import { isAnswer } from '../failures.js';
import type { ReadCampaign } from './read.js';

/** A refusal may come from a webhook that was just started: it counts when it comes so many times. */
const REFUSALS = 3;

const isOf = (plan: KubeObject | undefined, { uid }: CampaignRef): boolean =>
  plan?.metadata.annotations?.[CAMPAIGN_UID_ANNOTATION] === uid;

/** The plan of one member; its author is the campaign's, which governance looks up itself. */
function planOf(ref: CampaignRef, { spec, settings }: ReadCampaign, member: MemberStatus, attempt: number): KubeObject {
  const { namespace, kind, name, targetSCC } = member;
  const sourceSCC = spec.selector?.sourceSCC;
  return {
    ...PLAN_TYPE,
    metadata: {
      name: campaignPlanName(ref.uid, member, attempt),
      namespace,
      labels: { [CAMPAIGN_LABEL]: labelValue(ref.name) },
      annotations: {
        [CAMPAIGN_ANNOTATION]: ref.name,
        [CAMPAIGN_UID_ANNOTATION]: ref.uid,
        [CAMPAIGN_AUTHOR_ANNOTATION]: settings.author ?? '',
      },
    },
    spec: {
      ...spec.template,
      workloadRef: { apiVersion: 'apps/v1', kind, name },
      targetSCC,
      ...(sourceSCC === undefined ? {} : { sourceSCC }),
    },
  };
}

/** The member whose plan may be created now, or why it may not, by what the campaign says. */
function startableMember({ status, settings }: ReadCampaign, key: string, attempt: number): MemberStatus | string {
  const placed = (status.waves ?? []).flatMap(({ hash, workloads }, at) =>
    workloads.map((member) => ({ member, wave: { number: at + 1, hash } })),
  );
  const found = placed.find(({ member }) => memberKey(member) === key);
  if (!found) return `${key} is not on the board of the campaign`;
  if (attempt !== settings.attempt) return `attempt ${attempt} is not the attempt ${settings.attempt} of the campaign`;
  if (settings.abort) return 'the campaign is aborted';
  const { member, wave } = found;
  return isWaveApproved(settings, wave) ? member : `wave ${wave.number} is not approved`;
}

/**
 * Creates the plan of one member, once: its name says which member of which campaign it is for, so that the second time
 * finds the first.
 */
export async function createPlan(
  kube: KubeClient,
  ref: CampaignRef,
  campaign: ReadCampaign,
  { attempt, ...place }: { namespace: string; kind: string; name: string; attempt: number },
): Promise<{ plan: string } | { refused: string }> {
  const member = startableMember(campaign, memberKey(place), attempt);
  if (typeof member === 'string') return { refused: member };
  const plan = planOf(ref, campaign, member, attempt);
  const { name = '', namespace = '' } = plan.metadata;
  try {
    await kube.create(plan);
    return { plan: name };
  } catch (error) {
    if (isAlreadyThere(error))
      return isOf(await kube.get({ ...PLAN_TYPE, namespace, name }), ref)
        ? { plan: name }
        : { refused: `another plan of ${namespace} has the name ${name}` };
    if (!isAnswer(error) || activityInfo().attempt < REFUSALS) throw error;
    return { refused: `the plan cannot be created: ${messageOf(error)}` };
  }
}

/** The ends of the plans that were said to run; one that is gone has failed. */
export async function outcomesOf(
  kube: KubeClient,
  ref: CampaignRef,
  running: readonly { namespace: string; plan: string }[],
): Promise<MemberOutcome[]> {
  if (running.length === 0) return [];
  const { items } = await kube.list(PLAN_TYPE, { labelSelector: `${CAMPAIGN_LABEL}=${labelValue(ref.name)}` });
  const plans = new Map(
    items
      .filter((plan) => isOf(plan, ref))
      .map((plan) => [`${plan.metadata.namespace ?? ''}/${plan.metadata.name ?? ''}`, plan]),
  );
  return running.flatMap(({ namespace, plan }): MemberOutcome[] => {
    const found = plans.get(`${namespace}/${plan}`);
    if (!found) return [{ namespace, plan, state: 'Failed', message: 'its plan was deleted before it ended' }];
    const { phase, message = '', violations = [], risk } = planStatusSchema.parse(found['status'] ?? {});
    if (!isTerminal(phase)) return [];
    const judged = risk ? { risk: risk.changeRisk } : {};
    if (phase === 'Completed') return [{ namespace, plan, state: 'Completed', message: '', ...judged }];
    const why = violations.map((one) => `${one.code}: ${one.message}`).join('; ');
    return [{ namespace, plan, state: 'Failed', message: `${phase}: ${why || message}`.slice(0, 1000), ...judged }];
  });
}
