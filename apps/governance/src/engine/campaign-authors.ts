import type { EvaluationRequest } from '@scc/governance-api';
import type { KubeClient, KubeObject } from '@scc/kube';
import { AUTHOR_ANNOTATION, CAMPAIGN_TYPE, recordedIdentity } from '@scc/plan';

interface Options {
  /** The campaign as the API server has it; undefined when there is none. */
  read: (name: string) => Promise<KubeObject | undefined>;
  /** The user name of the engine's ServiceAccount. */
  engine: string;
}

/**
 * In whose name the plans of campaigns work: that of the user who created the campaign, as admission recorded them
 * there. What such a plan itself says of its author counts for nothing, since the engine creates it.
 */
export class CampaignAuthors {
  constructor(private readonly options: Options) {}

  /** The question with its true author; with none, which is refused, when the campaign is not there. */
  async attributed(request: EvaluationRequest): Promise<EvaluationRequest> {
    const { plan } = request;
    const by = (author: Pick<EvaluationRequest['plan'], 'author' | 'authorIdentity' | 'createdAt'>) => ({
      ...request,
      plan: { ...plan, ...author },
    });
    const nobody = { author: null, authorIdentity: null, createdAt: null };
    // The engine writes no plans of its own: its rights must never count for a user's.
    if (!plan.campaign) return plan.author === this.options.engine ? by(nobody) : request;
    const campaign = await this.options.read(plan.campaign.name);
    const { uid, annotations, creationTimestamp } = campaign?.metadata ?? {};
    const found = uid === plan.campaign.uid ? recordedIdentity(annotations ?? {}, AUTHOR_ANNOTATION) : undefined;
    if (!found || found.username === this.options.engine) return by(nobody);
    const extra = Object.entries(found.extra).map(([key, values]): [string, string[]] => [key, [...values]]);
    const authorIdentity = { ...found, groups: [...found.groups], extra: Object.fromEntries(extra) };
    return by({ author: found.username, authorIdentity, createdAt: creationTimestamp ?? null });
  }
}

/** The authors of the campaigns of a cluster. @param engine the user name of the engine's ServiceAccount */
export const campaignAuthorsIn = (kube: Pick<KubeClient, 'get'>, engine: string): CampaignAuthors =>
  new CampaignAuthors({ read: (name) => kube.get({ ...CAMPAIGN_TYPE, name }), engine });
