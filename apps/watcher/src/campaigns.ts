import { CAMPAIGN_WORKFLOW, type CampaignRef, campaignWorkflowIdOf } from '@scc/migration/contract';
import { createInformer, type Informer, type KubeClient, type KubeObject } from '@scc/kube';
import { CAMPAIGN_TYPE, isCampaignOver, SEARCH_ATTRIBUTES } from '@scc/plan';
import type { Logger } from '@scc/runtime';
import { type WorkflowClient, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { z } from 'zod';
import { KeyQueue } from './key-queue.js';

const seenSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), uid: z.string(), deletionTimestamp: z.string().optional() }),
  status: z.looseObject({ phase: z.string().optional() }).prefault({}),
});

/** The campaign that needs its workflow; undefined for one that is over or being deleted. */
export function wantedCampaign(object: KubeObject | undefined): CampaignRef | undefined {
  const seen = seenSchema.safeParse(object).data;
  if (!seen || seen.metadata.deletionTimestamp !== undefined || isCampaignOver(seen.status.phase)) return undefined;
  return { name: seen.metadata.name, uid: seen.metadata.uid };
}

const CAMPAIGN_KEY = defineSearchAttributeKey(SEARCH_ATTRIBUTES.campaign, 'KEYWORD');

/** What makes a workflow be found by its campaign; nothing for one without. */
export const searchedBy = (campaign: string | null): { typedSearchAttributes?: TypedSearchAttributes } =>
  campaign === null
    ? {}
    : { typedSearchAttributes: new TypedSearchAttributes([{ key: CAMPAIGN_KEY, value: campaign }]) };

/**
 * Starts the workflow of a campaign unless it runs or has finished; one that was terminated or has failed begins again
 * from the board and the states in the status.
 */
export async function startCampaign(workflow: WorkflowClient, taskQueue: string, ref: CampaignRef): Promise<void> {
  try {
    await workflow.start(CAMPAIGN_WORKFLOW, {
      workflowId: campaignWorkflowIdOf(ref),
      taskQueue,
      args: [{ ref }],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: `campaign ${ref.name}`,
      ...searchedBy(ref.name),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

export interface CampaignWatch {
  /** Looks again at every campaign that is not over. */
  resync: () => void;
  stop: () => Promise<void>;
}

/** Watches campaigns and starts their workflows; what they do then is theirs. */
export function watchCampaigns(
  { client, log, start }: { client: KubeClient; log: Logger; start: (ref: CampaignRef) => Promise<void> },
  signal: AbortSignal,
): CampaignWatch {
  const phases = new Map<string, string>();
  const queue = new KeyQueue({
    work: async (name) => {
      signal.throwIfAborted();
      const ref = wantedCampaign(await client.get({ ...CAMPAIGN_TYPE, name }, { signal, timeoutMs: 5000 }));
      if (ref) await start(ref);
    },
    failed: (name, err, retryMs) => {
      if (!signal.aborted) log.warn({ campaign: name, err, retryMs }, 'starting a campaign failed and is tried again');
    },
  });
  const informer: Informer = createInformer({
    client,
    kind: CAMPAIGN_TYPE,
    logger: log,
    onChange: (key, current) => {
      const wanted = wantedCampaign(current)?.uid ?? '';
      if (phases.get(key) === wanted) return;
      phases.set(key, wanted);
      if (wanted !== '') queue.add(key);
    },
  });
  informer.start();
  return {
    resync: () => {
      for (const object of informer.list()) if (wantedCampaign(object)) queue.add(object.metadata.name ?? '');
    },
    stop: async () => {
      await informer.stop();
      await queue.stop();
    },
  };
}
