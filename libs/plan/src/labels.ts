/** Labels, annotations and other marks that the product reads or writes on objects of the cluster. */

/** On everything made for a canary: the plan that it belongs to; long names are bounded by `planLabelValue`. */
export const PLAN_LABEL = 'scc.poc/plan';
/** On everything made for a canary: what it is there for. */
export const ROLE_LABEL = 'scc.poc/role';
export const CANARY_ROLE = 'canary';
/** On the Job of a gate and on its pods: they are no part of a canary. */
export const GATE_ROLE = 'gate';
/** On a RoleBinding that the engine made: the SCC that it grants. */
export const GRANT_LABEL = 'scc.poc/grant';
/**
 * On what the engine made to grant a target: the uid of the plan. An object that carries another, or none, is not ours.
 */
export const GRANTED_BY_ANNOTATION = 'scc.poc/granted-by';
/** On a namespace: whether the webhook admits its pods. */
export const ENFORCE_LABEL = 'scc.poc/enforce';
/** On a namespace, value `true`: migrations may write there; only administrators of the namespace set it. */
export const MANAGED_LABEL = 'scc.poc/managed';
/** On a namespace: what the webhook says to workloads whose pods no SCC admits. */
export const WORKLOADS_LABEL = 'scc.poc/workloads';
/** On a workload or namespace: how much depends on it. */
export const CRITICALITY_LABEL = 'scc.poc/criticality';

/** On a plan: who created it; `-uid`, `-groups` and `-extra` complete the record. Written by the webhook alone. */
export const AUTHOR_ANNOTATION = 'scc.poc/author';
/** On a plan: who last changed what it would do, recorded as the author is. Written by the webhook alone. */
export const EDITOR_ANNOTATION = 'scc.poc/editor';
/**
 * On a plan: everybody but the author who ever changed what it would do, one name a line. Written by the webhook alone.
 */
export const EDITORS_ANNOTATION = 'scc.poc/editors';
/**
 * On a plan: the identities of all but the author and the last editor who changed what it would do, as JSON. Written by
 * the webhook alone.
 */
export const EARLIER_EDITORS_ANNOTATION = 'scc.poc/earlier-editors';
/** On a campaign: who changed its course and how, the newest edit first. Written by the webhook alone. */
export const CAMPAIGN_EDITS_ANNOTATION = 'scc.poc/campaign-edits';
/** On a plan that the engine made for a campaign: the campaign's name, as a label and whole. */
export const CAMPAIGN_LABEL = 'scc.poc/campaign';
export const CAMPAIGN_ANNOTATION = 'scc.poc/campaign-name';
/** On such a plan: the uid of the campaign. Governance takes the author of the plan from that campaign. */
export const CAMPAIGN_UID_ANNOTATION = 'scc.poc/campaign-uid';
/** On such a plan: the author of the campaign, for people to read. */
export const CAMPAIGN_AUTHOR_ANNOTATION = 'scc.poc/campaign-author';
/** Annotations that the engine alone puts on a plan. */
export const CAMPAIGN_MARKS: readonly string[] = [
  CAMPAIGN_ANNOTATION,
  CAMPAIGN_UID_ANNOTATION,
  CAMPAIGN_AUTHOR_ANNOTATION,
];
/** On a plan: lets a workload migrate although not all of its pods are ready. */
export const UNREADY_ANNOTATION = 'scc.poc/allow-unready-source';
/** On an object made for a canary whose plan's name is too long for a label: the whole name. */
export const PLAN_ANNOTATION = 'scc.poc/plan-name';

/** The plan that took a snapshot, so that one of the same name does not take it for its own. */
export const PLAN_UID_ANNOTATION = 'scc.poc/plan-uid';
/** On a StatefulSet that a plan has stopped: which one, how many pods it had, and whose files were given to whom. */
export const STOPPED_ANNOTATION = 'scc.poc/stopped';
/** On an EndpointSlice of ours: how many pods of the canary it lends to a Service. */
export const LENT_ANNOTATION = 'scc.poc/lent';
/** On such a slice: the canary's Service, whose endpoints these are. */
export const LENT_FROM_ANNOTATION = 'scc.poc/lent-from';

/** On a webhook configuration that was switched off: the selectors that it gets back. */
export const DISABLED_ANNOTATION = 'scc.poc/disabled';
/** Selectors of a webhook that is asked about nothing: no namespace and no object satisfies them. */
export const ASKED_ABOUT_NOTHING = {
  namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'DoesNotExist' }] },
  objectSelector: { matchExpressions: [{ key: DISABLED_ANNOTATION, operator: 'Exists' }] },
} as const;

/** Holds a deleted plan until its migration is undone. */
export const FINALIZER = 'scc.poc/undo';
/** The identity of dry runs: a policy of the API server lets it change nothing. */
export const DRY_RUN_USER = 'system:serviceaccount:scc-system:dry-run';
/** Owns the fields that the engine writes, by server-side apply. */
export const FIELD_MANAGER = 'scc-orchestrator';

interface Marked {
  readonly labels?: Readonly<Record<string, string>> | null | undefined;
}

/** Whether an object with this metadata was made for a canary, and so belongs to the engine. */
export const isCanaryObject = ({ labels }: Marked): boolean => labels?.[ROLE_LABEL] === CANARY_ROLE;
