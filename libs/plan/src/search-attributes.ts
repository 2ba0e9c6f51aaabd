/** The attributes by which migrations and campaigns are found in Temporal; all of them are keywords. */
export const SEARCH_ATTRIBUTES = {
  namespace: 'SccNamespace',
  workload: 'SccWorkload',
  phase: 'SccPhase',
  source: 'SccSource',
  target: 'SccTarget',
  riskBand: 'SccRiskBand',
  campaign: 'SccCampaign',
} as const;
