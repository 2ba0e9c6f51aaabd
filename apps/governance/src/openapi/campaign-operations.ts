import { campaignDetailSchema, campaignSummarySchema, itemsSchema } from '@scc/governance-api';
import type { Operations } from './operation.js';

/** Campaigns as the cluster has them. */
export const CAMPAIGN_OPERATIONS: Operations = {
  'GET /v1/campaigns': {
    summary: 'Campaigns of the cluster, the newest first',
    answer: itemsSchema(campaignSummarySchema),
  },
  'GET /v1/campaigns/{name}': {
    summary: 'One campaign with its waves, as far as the caller may see their namespaces',
    answer: campaignDetailSchema,
  },
};
