import { healthSchema, problemSchema } from '@scc/governance-api';
import { AUTHOR_ANNOTATION, PLAN_TYPE } from '@scc/plan';
import { isNotFound, type KubeClient, KubeError } from '@scc/kube';
import { type CheckFault, messageOf, type SelfCheck, selfCheckSchema } from '@scc/runtime';
import { diagnoseWebhook } from '../webhook/diagnose.js';
import { webhookFacts } from '../webhook/facts.js';
import { faultsOf, type Look, type CheckedCluster } from './look.js';
import { healthPort, podsOf } from './processes.js';

/** Beyond this, times in a plan and in its events do not fit together, and tokens are not valid yet. */
const MAX_SKEW_MS = 5_000;
const ASK_MS = 10_000;

/** Everything that the doctor of the webhook finds, and a plan on trial. */
export const lookAtWebhook: Look = async ({ kube, namespace }) => {
  const fault = faultsOf('webhook');
  const found = diagnoseWebhook(await webhookFacts(kube, namespace)).map((one) => fault(one.fault, one.remedy));
  return [...found, ...(await tryPlan(kube, namespace))];
};

/** A plan by a dry run: nothing is kept, and the webhook has to say who wrote it. */
async function tryPlan(kube: KubeClient, namespace: string): Promise<CheckFault[]> {
  const fault = faultsOf('webhook');
  const plan = {
    apiVersion: PLAN_TYPE.apiVersion,
    kind: PLAN_TYPE.kind,
    metadata: { generateName: 'scc-check-', namespace },
    spec: { workloadRef: { kind: 'Deployment', name: 'governance' }, targetSCC: 'restricted-v2', dryRun: true },
  };
  const unreached = 'The API server does not reach it: ';
  const look = `kubectl -n ${namespace} get endpointslices,networkpolicies`;
  try {
    const { metadata } = await kube.create(plan, { dryRun: true });
    if (metadata.annotations?.[AUTHOR_ANNOTATION] !== undefined) return [];
    return [fault('a plan on trial was not shown to it, so nobody knows who writes plans', `${unreached}${look}`)];
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    // A refusal that is about the plan is an answer; that plans are not served is said of the CRD.
    if (isNotFound(error) || !error.message.includes('failed calling webhook')) return [];
    return [fault(`a plan on trial was refused: ${error.message}`, `${unreached}${look}`)];
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  database: 'Check PostgreSQL and the Secret scc-database; then the log of governance.',
  kubernetes: 'Check that governance reaches the API server (networkPolicies of the chart).',
  temporal: 'Check temporal.address, temporal.namespace and the TLS values of the chart.',
  outbox: 'Approvals do not reach their workflows: check Temporal, then the log of governance.',
  audit: 'See docs/RUNBOOK.md: the audit log is not sealed, or contradicts what was published.',
  migrations: 'See docs/RUNBOOK.md: find out who works on the task queue.',
};

/** Health as governance tells it: at the address that is known, else through the API server. */
async function healthOf({ session, kube, namespace }: CheckedCluster): Promise<unknown> {
  if (session.hasGovernance) return session.governance().health();
  return kube.raw(`/api/v1/namespaces/${namespace}/services/https:governance:9443/proxy/v1/health`, {
    timeoutMs: ASK_MS,
  });
}

/** Governance and its database, the role and the schema in it, by its own word. */
export const lookAtGovernance: Look = async (surroundings) => {
  let answer: unknown;
  try {
    answer = await healthOf(surroundings);
  } catch (error) {
    const remedy = surroundings.session.hasGovernance
      ? 'Check --server and --ca, and that governance runs.'
      : `kubectl -n ${surroundings.namespace} logs deployment/governance; where it is reached at another address, pass --server.`;
    return [faultsOf('governance')(`it does not answer: ${messageOf(error)}`, remedy)];
  }
  const waiting = problemSchema.safeParse(answer).data;
  if (waiting)
    return [
      faultsOf('database')(
        `governance cannot work: ${waiting.detail}`,
        `Migrations are run by the Job scc-migrate: kubectl -n ${surroundings.namespace} logs -l app.kubernetes.io/name=scc-migrate; for the rest see the log of governance.`,
      ),
    ];
  const { components } = healthSchema.parse(answer);
  return Object.entries(components)
    .filter(([, { status }]) => status !== 'up')
    .map(([part, { status, reason = status }]) =>
      faultsOf(part)(`governance says: ${reason}`, REMEDIES[part] ?? 'Look at the log of governance.'),
    );
};

/** Between which bounds another clock is ahead of ours, in milliseconds: a slow answer makes them wide. */
export interface ClockOffset {
  least: number;
  most: number;
}

/** The offset of a clock that said a time, exact to `precisionMs`, at some moment between two of ours. */
export const offsetOf = (said: number, between: readonly [from: number, to: number], precisionMs = 0): ClockOffset => ({
  least: said - between[1],
  most: said + precisionMs - between[0],
});

/** The offset of the API server's clock from ours; its times are whole seconds. */
async function serverOffset(kube: KubeClient, namespace: string): Promise<ClockOffset> {
  const before = Date.now();
  const { metadata } = await kube.create(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'scc-check-', namespace } },
    { dryRun: true },
  );
  const said = Date.parse(metadata.creationTimestamp ?? new Date().toISOString());
  return offsetOf(said, [before, Date.now()], 1000);
}

interface Asked {
  pod: string;
  check: SelfCheck;
  /** The offset of the pod's clock from ours. */
  offset: ClockOffset;
}

async function ask(kube: KubeClient, namespace: string, pod: string, port: number): Promise<Asked> {
  const before = Date.now();
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}:${port}/proxy/checks`;
  const check = selfCheckSchema.parse(await kube.raw(path, { timeoutMs: ASK_MS }));
  return { pod, check, offset: offsetOf(Date.parse(check.at), [before, Date.now()]) };
}

/** What each worker reaches, by its own word: Temporal, governance, Prometheus, istiod; and its clock. */
export const lookAtWorkers: Look = async ({ kube, namespace }) => {
  const fault = faultsOf('worker');
  const [pods, port] = await Promise.all([podsOf(kube, namespace, 'worker'), healthPort(kube, namespace, 'worker')]);
  const running = pods.filter(({ status }) => status.phase === 'Running');
  // That none runs is said of its Deployment.
  const answers = await Promise.all(
    running.map(async ({ metadata: { name } }): Promise<CheckFault[]> => {
      try {
        const { check, offset } = await ask(kube, namespace, name, port);
        return [...check.faults, ...skewOf(name, offset, await serverOffset(kube, namespace))];
      } catch (error) {
        const what = `${name} cannot be asked what it reaches: ${messageOf(error)}`;
        return [
          fault(
            what,
            'You need the right to get pods/proxy, and the API server has to reach the port `health` of the worker (networkPolicies.apiServers of the chart).',
          ),
        ];
      }
    }),
  );
  return distinct(answers.flat());
};

/** The clocks of a pod and of the API server, where they certainly differ by more than is harmless. */
export function skewOf(pod: string, own: ClockOffset, server: ClockOffset): CheckFault[] {
  const [least, most] = [own.least - server.most, own.most - server.least];
  const surely = Math.max(least, -most);
  if (surely <= MAX_SKEW_MS) return [];
  return [
    faultsOf('clock')(
      `the clocks of the API server and of ${pod} differ by ${Math.round(surely / 1000)} s or more`,
      'Have the nodes follow a time server.',
    ),
  ];
}

/** Several workers usually find the same. */
function distinct(faults: readonly CheckFault[]): CheckFault[] {
  const seen = new Set<string>();
  return faults.filter((one) => {
    const key = JSON.stringify(one);
    return !seen.has(key) && seen.add(key);
  });
}
