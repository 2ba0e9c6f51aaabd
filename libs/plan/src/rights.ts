import { clusterRoleName, UNDO_NAMESPACE } from './names.js';
import type { JobGate, Violation, WorkloadRef } from './schema.js';
import { apiVersionOf } from './strategies.js';

/**
 * The question to an API server about one request; the fields are those of `resourceAttributes` of an access review.
 */
export interface ResourceAttributes {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly namespace: string;
  readonly name?: string;
}

/** One way to hold a right: everything in `all`, held by a person or by the ServiceAccount of the pods. */
interface Alternative {
  readonly holder: 'person' | 'serviceAccount';
  readonly all: readonly ResourceAttributes[];
}

/** Something that a plan does in its author's name, and that the author must therefore be allowed to do by hand. */
export interface Right {
  /** Completes "a user may …". */
  readonly words: string;
  /** The field of the plan that asks for it. */
  readonly field: string;
  /** Each of these suffices. */
  readonly anyOf: readonly Alternative[];
  /** The remedy for a user who lacks it: what to grant. */
  readonly grant: string;
  /**
   * Who can grant it: whoever gives a right has to hold it, and the ClusterRole `admin` holds none to use an SCC or to
   * make snapshots.
   */
  readonly giver: string;
}

interface PlannedUse {
  readonly namespace: string;
  readonly workloadRef: Pick<WorkloadRef, 'kind' | 'name'>;
  readonly targetSCC: string;
  /** Gates that run Jobs, each from the template of an object. */
  readonly jobs?: readonly Pick<JobGate, 'from'>[] | undefined;
  /** Jobs look at the workload's data. */
  readonly census?: boolean | undefined;
  /** Jobs change the owners of the workload's data. */
  readonly ownerChange?: boolean | undefined;
  /** Snapshots are taken of the workload's data. */
  readonly snapshot?: boolean | undefined;
}

const CLUSTER_ADMINISTRATOR = 'an administrator of the cluster';
const administratorOf = (namespace: string): string => `an administrator of ${namespace}`;

const RESOURCES: Record<WorkloadRef['kind'], string> = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
  CronJob: 'cronjobs',
};
const SCC = { group: 'security.openshift.io', resource: 'securitycontextconstraints' };
const RBAC = 'rbac.authorization.k8s.io';

const JOB_SOURCES: Record<JobGate['from']['kind'], string> = { CronJob: 'cronjobs', Job: 'jobs' };

/** A Job can run what its maker likes under any ServiceAccount of the namespace: to make one is a right of its own. */
const jobRights = (namespace: string, jobs: readonly Pick<JobGate, 'from'>[]): Right[] =>
  jobs.map(({ from }, index) => {
    const resource = JOB_SOURCES[from.kind];
    return {
      words: `create jobs.batch in ${namespace} from ${resource}.batch/${from.name}`,
      field: `spec.gates.jobs[${index}]`,
      anyOf: [
        {
          holder: 'person',
          all: [
            { group: 'batch', resource: 'jobs', verb: 'create', namespace },
            { group: 'batch', resource, verb: 'get', namespace, name: from.name },
          ],
        },
      ],
      grant: `the verbs create of jobs.batch and get of ${resource}.batch/${from.name}, such as by the ClusterRole edit`,
      giver: administratorOf(namespace),
    };
  });

const dataJobRight = (namespace: string, words: string, field: 'census' | 'ownerChange'): Right => ({
  words: `create jobs.batch in ${namespace} that ${words}`,
  field: `spec.volumes.${field}`,
  anyOf: [{ holder: 'person', all: [{ group: 'batch', resource: 'jobs', verb: 'create', namespace }] }],
  grant: 'the verb create of jobs.batch, such as by the ClusterRole edit',
  giver: administratorOf(namespace),
});

const snapshotRight = (namespace: string): Right => {
  const snapshots = { group: 'snapshot.storage.k8s.io', resource: 'volumesnapshots' };
  return {
    words: `create ${snapshots.resource}.${snapshots.group} in ${namespace}`,
    field: 'spec.volumes.snapshot',
    anyOf: [{ holder: 'person', all: [{ ...snapshots, verb: 'create', namespace }] }],
    grant: `the verb create of ${snapshots.resource}.${snapshots.group}`,
    giver: CLUSTER_ADMINISTRATOR,
  };
};

/**
 * The rights that a plan uses in its author's name. The right to update a workload is the right to set its image, its
 * ServiceAccount and the Secrets that it mounts, so that this right covers the plan's patch and its ServiceAccount too.
 */
export function rightsOf(planned: PlannedUse): readonly Right[] {
  const { namespace, workloadRef, targetSCC, jobs = [], census, ownerChange, snapshot } = planned;
  const resource = RESOURCES[workloadRef.kind];
  const [group = ''] = apiVersionOf(workloadRef.kind).split('/');
  const workload = { group, resource, namespace, name: workloadRef.name };
  const use = { ...SCC, verb: 'use', namespace, name: targetSCC };
  const role = clusterRoleName(targetSCC);
  const bindRole = [
    { group: RBAC, resource: 'rolebindings', verb: 'create', namespace },
    { group: RBAC, resource: 'clusterroles', verb: 'bind', namespace, name: role },
  ];
  return [
    {
      words: `update ${resource}.${group}/${workloadRef.name} in ${namespace}`,
      field: 'spec.workloadRef',
      anyOf: [
        { holder: 'person', all: [{ ...workload, verb: 'update' }] },
        { holder: 'person', all: [{ ...workload, verb: 'patch' }] },
      ],
      grant: `the verb update of ${resource}.${group}/${workloadRef.name}, such as by the ClusterRole edit`,
      giver: administratorOf(namespace),
    },
    {
      words: `use the SCC ${targetSCC} in ${namespace}`,
      field: 'spec.targetSCC',
      anyOf: [
        { holder: 'person', all: [use] },
        { holder: 'person', all: bindRole },
        { holder: 'serviceAccount', all: [use] },
      ],
      grant: `the verb use of ${SCC.resource}.${SCC.group}/${targetSCC}, as the ClusterRole ${role} does, or create of rolebindings together with bind of that ClusterRole`,
      giver: CLUSTER_ADMINISTRATOR,
    },
    ...jobRights(namespace, jobs),
    ...(census === true ? [dataJobRight(namespace, "mount the workload's data", 'census')] : []),
    ...(ownerChange === true
      ? [dataJobRight(namespace, "change the owners of the workload's data", 'ownerChange')]
      : []),
    ...(snapshot === true ? [snapshotRight(namespace)] : []),
  ];
}

/** The refusal that names the missing right, who lacks it, and who can give it. */
export const lacksRight = (person: string, { words, field, grant, giver }: Right): Violation => ({
  code: 'AuthorLacksRight',
  field,
  message: `${person} may not ${words}, and the plan would do it in their name`,
  remedy: `Let a user who may do it apply the plan, or have ${giver} grant ${person} ${grant}.`,
});

/** The same with the other way out, for a plan that does not ask to borrow rights. */
export const orBorrow = (violation: Violation): Violation => ({
  ...violation,
  remedy: `${violation.remedy} Or set spec.approval.borrow, so that an approver who may do it can lend the right.`,
});

/** The refusal of an approver who wants to lend what they do not hold. */
export const cannotLend = (person: string, { words, field, grant, giver }: Right): Violation => ({
  code: 'LenderLacksRight',
  field,
  message: `${person} may not ${words}, and lends only what they hold`,
  remedy: `Let an approver who may do it lend it, or have ${giver} grant ${person} ${grant}.`,
});

/** The record of a user is too old to ask by it: groups and scopes may have changed since. */
export const recordIsOld = (person: string): Violation => ({
  code: 'AuthorRecordOld',
  field: 'metadata.annotations',
  message: `admission recorded ${person} more than 7 days ago, and what they are allowed may have changed since`,
  remedy: 'Delete the plan and create it again, so that admission records its author again.',
});

export const AUTHOR_UNKNOWN: Violation = {
  code: 'AuthorUnknown',
  field: 'metadata.annotations',
  message: 'admission did not record who wrote this plan, so that their rights cannot be asked for',
  remedy: 'Check that the webhook for plans is installed, delete the plan and create it again.',
};

const isSystem = (namespace: string): boolean =>
  namespace === 'default' ||
  namespace === 'openshift' ||
  namespace.startsWith('openshift-') ||
  namespace.startsWith('kube-');

/** Nothing is migrated where the cluster, or this product, keeps what itself runs on. */
export const systemNamespaceViolations = (namespace: string, own: string): Violation[] =>
  namespace === own || namespace === UNDO_NAMESPACE || isSystem(namespace)
    ? [
        {
          code: 'SystemNamespace',
          field: 'metadata.namespace',
          message: `nothing in the namespace ${namespace} is migrated: it belongs to the cluster or to this product`,
          remedy: 'Move the workload to a namespace of its own, or change it by hand.',
        },
      ]
    : [];
