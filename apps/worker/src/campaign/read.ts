import type { KubeClient, KubeObject } from '@scc/kube';
import type { CampaignRef, CampaignSettings } from '@scc/migration/contract';
import {
  AUTHOR_ANNOTATION,
  CAMPAIGN_TYPE,
  type CampaignSpec,
  type CampaignStatus,
  campaignStatusSchema,
  durationMs,
  parseCampaign,
} from '@scc/plan';
import { weeklyWindows, windowAt } from '@scc/plan/schedule';

/** A campaign as the API server has it now. */
export interface ReadCampaign {
  object: KubeObject;
  spec: CampaignSpec;
  status: CampaignStatus;
  settings: CampaignSettings;
}

/** The violations of a spec that the API server took, in one text. */
export class CampaignUnreadable extends Error {
  override readonly name = 'CampaignUnreadable';
}

/**
 * The campaign; undefined when it is gone, is being deleted, or another one has its name.
 * @throws CampaignUnreadable when its spec is none
 */
export async function readCampaign(
  kube: Pick<KubeClient, 'get'>,
  { name, uid }: CampaignRef,
): Promise<ReadCampaign | undefined> {
  const object = await kube.get({ ...CAMPAIGN_TYPE, name });
  if (object?.metadata.uid !== uid || object.metadata.deletionTimestamp !== undefined) return undefined;
  const parsed = parseCampaign(object['spec']);
  if (!parsed.ok)
    throw new CampaignUnreadable(parsed.violations.map(({ field, message }) => `${field}: ${message}`).join('; '));
  const { spec } = parsed;
  const settings = {
    generation: object.metadata.generation ?? 1,
    author: object.metadata.annotations?.[AUTHOR_ANNOTATION] ?? null,
    maxConcurrent: spec.maxConcurrent,
    failureBudget: spec.failureBudget,
    soakMs: durationMs(spec.soak),
    ...(spec.windows.length === 0 ? {} : { window: windowAt(weeklyWindows(spec.windows), Date.now()) }),
    approvalRequired: spec.approval.required,
    approvals: spec.approvals,
    attempt: spec.attempt,
    suspend: spec.suspend,
    abort: spec.abort,
  };
  return { object, spec, status: campaignStatusSchema.parse(object['status'] ?? {}), settings };
}
