import { createHash } from 'node:crypto';
import { CANARY_ROLE, GATE_ROLE, PLAN_ANNOTATION, PLAN_LABEL, ROLE_LABEL } from './labels.js';

/** What Kubernetes takes for a label's value and for the name of a Service. */
export const MAX_LABEL = 63;
/** What Kubernetes takes for the name of most objects. */
export const MAX_NAME = 253;

const HASH_LENGTH = 10;
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
const withoutTrailingMarks = (text: string): string => text.replace(/[^a-z0-9A-Z]+$/, '');

/** The text itself while it fits, else its beginning, a hash of all of it, and the suffix: at most `max` characters. */
function bounded(text: string, { max, suffix = '', joint = '-' }: { max: number; suffix?: string; joint?: string }) {
  if (text.length + suffix.length <= max) return text + suffix;
  const room = max - suffix.length - HASH_LENGTH - joint.length;
  return `${withoutTrailingMarks(text.slice(0, room))}${joint}${hashOf(text)}${suffix}`;
}

const CANARY_SUFFIX = '-scc-canary';

/**
 * The name, or the label's value, of what a canary has instead of `name`: its Deployment, Services and label.
 * At most 63 characters.
 */
export const canaryName = (name: string): string => bounded(name, { max: MAX_LABEL, suffix: CANARY_SUFFIX });

/** The name of a policy's, autoscaler's or rule's copy for the canary, and of a VirtualService of our own. */
export const copyName = (name: string): string => bounded(name, { max: MAX_NAME, suffix: CANARY_SUFFIX });

/** A text as a label's value. The underscore keeps what was shortened apart from every name of an object. */
export const labelValue = (text: string): string => bounded(text, { max: MAX_LABEL, joint: '_' });

/** The value of the plan's label: its name as long as that fits into a label. */
export const planLabelValue = (plan: string): string => labelValue(plan);

/** The labels of everything that is made for the canary of a plan. */
export const canaryLabels = (plan: string): Record<string, string> => ({
  [PLAN_LABEL]: planLabelValue(plan),
  [ROLE_LABEL]: CANARY_ROLE,
});

/** The snapshot of a claim that a plan takes. */
export const snapshotName = (plan: string, claim: string): string => bounded(`${plan}-${claim}`, { max: MAX_NAME });

/** The Job of a gate at one moment of a plan. At most 63 characters: its pods carry the name as a label. */
export const gateJobName = (plan: string, gate: string, at: string): string =>
  bounded(`${plan}-${gate}-${at.toLowerCase()}`, { max: MAX_LABEL, suffix: '-scc-gate' });

/** The labels of the Jobs of a plan's gates, and of their pods. */
export const gateLabels = (plan: string): Record<string, string> => ({
  [PLAN_LABEL]: planLabelValue(plan),
  [ROLE_LABEL]: GATE_ROLE,
});

/** The annotations beside `canaryLabels`: the plan's whole name where the label had to shorten it. */
export const canaryAnnotations = (plan: string): Record<string, string> =>
  planLabelValue(plan) === plan ? {} : { [PLAN_ANNOTATION]: plan };

interface Marked {
  readonly labels?: Readonly<Record<string, string>> | null | undefined;
  readonly annotations?: Readonly<Record<string, string>> | null | undefined;
}

/** The plan that an object was made for; undefined when it was made for none. */
export const planNameOf = ({ labels, annotations }: Marked): string | undefined =>
  annotations?.[PLAN_ANNOTATION] ?? labels?.[PLAN_LABEL];

/**
 * The cookie by which a client that met the canary of a plan comes back to it: its name unless the plan has one, and its
 * value. A plan that is made again has others.
 */
export const affinityCookie = (uid: string): { cookie: string; value: string } => ({
  cookie: `scc-canary-${hashOf(uid)}`,
  value: hashOf(uid),
});

/** The ClusterRole by which OpenShift grants an SCC. */
export const clusterRoleName = (scc: string): string => `system:openshift:scc:${scc}`;

/**
 * The RoleBinding that grants an SCC to a ServiceAccount. The colon, which neither name can hold, keeps `a` for `b-c`
 * apart from `a-b` for `c`.
 */
export const grantBindingName = (scc: string, serviceAccount: string): string =>
  bounded(`scc-${scc}${serviceAccount.includes('-') ? ':' : '-'}${serviceAccount}`, { max: MAX_NAME });

/** The namespace that holds nothing but what undos need while governance does not answer. */
export const UNDO_NAMESPACE = 'scc-undo';
/** The type of the Secrets there. */
export const UNDO_SECRET_TYPE = 'scc.poc/undo';
/** The Secret with all that an undo of one migration needs; a second one holds what was taken from old grants as well. */
export const undoSecretName = (uid: string, stage: 'begun' | 'revoking'): string =>
  stage === 'begun' ? `undo-${uid}` : `undo-${uid}-grants`;
/** The Secret that says that an activity of an undo was done while governance did not answer. */
export const undoneSecretName = (uid: string, activity: string): string => `undone-${uid}-${activity.toLowerCase()}`;

/**
 * The plan of one workload in a campaign: the same for the same campaign, workload and attempt, so that creating it twice
 * is creating it once. At most 63 characters.
 */
export const campaignPlanName = (
  uid: string,
  { namespace, kind, name }: { namespace: string; kind: string; name: string },
  attempt: number,
): string => {
  const hash = hashOf([uid, namespace, kind, name, String(attempt)].join('/'));
  return `${withoutTrailingMarks(name.slice(0, MAX_LABEL - HASH_LENGTH - 1))}-${hash}`;
};
