import { cancellationSignal } from '@temporalio/activity';
import type { KubeClient } from '@scc/kube';
import {
  type CampaignActivities,
  type CampaignBegin,
  type CampaignRef,
  campaignWorkflowIdOf,
} from '@scc/migration/contract';
import type { Instruments } from '../metrics.js';
import { beating, currentRun, interruptiblePause } from '../activities/pace.js';
import { terminal } from '../failures.js';
import { makeBoard } from './board.js';
import { createPlan, outcomesOf } from './plans.js';
import { CampaignUnreadable, readCampaign, type ReadCampaign } from './read.js';
import { reported, writeStatus } from './status.js';

/** Between two looks at the plans of a campaign, in milliseconds. */
const LOOK_MS = 2_000;

function beginningOf({ status, settings }: ReadCampaign): CampaignBegin {
  const waves = (status.waves ?? []).map(({ hash, workloads }) => ({
    hash,
    members: workloads.map(({ namespace, kind, name, serviceAccount, targetSCC, calls, state, plan }) => ({
      ...{ namespace, kind, name, serviceAccount, targetSCC, state },
      ...(calls === undefined ? {} : { calls }),
      ...(plan === undefined ? {} : { plan }),
    })),
  }));
  return { waves, attempt: status.attempt ?? settings.attempt, settings };
}

/** The activities of campaigns. They touch no workload: they read, create plans, and write the status of campaigns. */
function activitiesOf(kube: KubeClient): CampaignActivities {
  /** The campaign; null for one that is gone. */
  const find = async (ref: CampaignRef): Promise<ReadCampaign | null> => {
    try {
      return (await readCampaign(kube, ref)) ?? null;
    } catch (error) {
      if (error instanceof CampaignUnreadable) throw terminal('refused', error.message);
      throw error;
    }
  };
  return {
    beginCampaign: async (ref) => {
      const campaign = await find(ref);
      if (!campaign) return null;
      if (campaign.status.waves) return beginningOf(campaign);
      const { settings } = campaign;
      const board = await makeBoard(kube, campaign.spec);
      const observedGeneration = settings.generation;
      if (typeof board === 'string') {
        await writeStatus(kube, campaign, { observedGeneration, phase: 'Rejected', message: board });
        return board;
      }
      const message = 'the board is made';
      const status = { observedGeneration, phase: 'Running', message, attempt: settings.attempt, ...board } as const;
      await writeStatus(kube, campaign, status);
      return beginningOf({ ...campaign, status });
    },
    createPlan: async (ref, request) => {
      const campaign = await find(ref);
      return campaign ? createPlan(kube, ref, campaign, request) : { refused: 'the campaign was deleted' };
    },
    awaitChange: async (ref, { generation, running, untilMs }) => {
      for (;;) {
        cancellationSignal().throwIfAborted();
        const settings = (await find(ref))?.settings ?? null;
        const outcomes = await outcomesOf(kube, ref, running);
        const isOver = untilMs !== null && Date.now() >= untilMs;
        if (outcomes.length > 0 || isOver || settings?.generation !== generation) return { settings, outcomes };
        const leftMs = untilMs === null ? LOOK_MS : Math.max(1, untilMs - Date.now());
        await interruptiblePause(Math.min(LOOK_MS, leftMs));
      }
    },
    reportCampaign: async (ref, report) => {
      const campaign = await find(ref);
      if (campaign) await writeStatus(kube, campaign, reported(campaign.status, report));
    },
  };
}

/** The activities of campaigns, each for the workflow of its campaign alone. */
export function campaignActivities(kube: KubeClient, { measured }: Instruments): CampaignActivities {
  const entries = Object.entries(activitiesOf(kube)).map(([name, activity]: [string, unknown]) => [
    name,
    (ref: CampaignRef, ...rest: unknown[]): Promise<unknown> =>
      measured(name, () =>
        beating(async () => {
          const { workflowId } = currentRun();
          if (workflowId !== campaignWorkflowIdOf(ref))
            throw terminal('refused', `workflow ${workflowId} does not work for campaign ${ref.name} (${ref.uid})`);
          return (activity as (...all: unknown[]) => Promise<unknown>)(ref, ...rest);
        }),
      ),
  ]);
  return Object.fromEntries(entries) as CampaignActivities;
}
