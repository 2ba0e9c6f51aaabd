/** Group, version and names of the plan as a Kubernetes kind. */
export const PLAN_GROUP = 'scc.poc';
export const PLAN_VERSION = 'v1';
export const PLAN_KIND = 'SCCMigrationPlan';
export const PLAN_PLURAL = 'sccmigrationplans';
export const CAMPAIGN_KIND = 'SCCMigrationCampaign';
export const CAMPAIGN_PLURAL = 'sccmigrationcampaigns';
export const PLAN_API_VERSION = `${PLAN_GROUP}/${PLAN_VERSION}`;

/** The kind as every client of the Kubernetes API asks for it. */
export const PLAN_TYPE = { apiVersion: PLAN_API_VERSION, kind: PLAN_KIND } as const;

export const CAMPAIGN_TYPE = { apiVersion: PLAN_API_VERSION, kind: CAMPAIGN_KIND } as const;

/** Path of the plans of a namespace below the API server's address. */
export const plansPath = (namespace: string): string =>
  `/apis/${PLAN_API_VERSION}/namespaces/${namespace}/${PLAN_PLURAL}`;

/** Which plan: the identity that every process uses. `uid` makes a recreated plan a new migration. */
export interface PlanRef {
  namespace: string;
  name: string;
  uid: string;
}
