import {
  CANARY_ROLE,
  PLAN_TYPE,
  plansPath,
  type PlanSpecInput,
  type PlanStatus,
  planStatusSchema,
  ROLE_LABEL,
} from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { afterAll, beforeAll } from '@jest/globals';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { z } from 'zod';
import { workflowIdOf } from '@scc/migration/contract';
import { deploySamples, startStack, type Stack, type StackOptions } from '../src/index.js';

/** Actions of the engine's tests on plans of a running stack, and how they wait for them. */

export const NAMESPACE = 'shop';
export const PLANS = plansPath(NAMESPACE);
export const ROUTES = `/apis/networking.istio.io/v1/namespaces/${NAMESPACE}/virtualservices`;
export const DEPLOYMENTS = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
export const SCALERS = `/apis/autoscaling/v2/namespaces/${NAMESPACE}/horizontalpodautoscalers`;
export const TIMEOUT_MS = 120_000;

const planSchema = z.looseObject({
  metadata: z.looseObject({ uid: z.string(), name: z.string(), finalizers: z.array(z.string()).default([]) }),
  status: planStatusSchema.prefault({}),
});
export type Plan = z.infer<typeof planSchema>;

/** Phases after which no other comes. */
const ENDS: readonly (string | undefined)[] = ['Completed', 'RolledBack'];

const zeroHolds = { mirror: { duration: '0s' }, interval: '0s' };
/** Each weight is held for a minute, so that there is time to do something to the migration. */
export const longHolds = { mirror: { duration: '0s' }, interval: '1m' };

export const condition = ({ conditions = [] }: PlanStatus, type: string) => conditions.find((one) => one.type === type);
const namedSchema = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });

export interface Engine {
  apply: (name: string, workload: string, over?: Partial<PlanSpecInput>) => Promise<Plan>;
  read: (name: string) => Promise<Plan>;
  /** Waits until the status of a plan is as wanted, and says what it was when it never is. */
  until: (name: string, wanted: (status: PlanStatus) => boolean, what: string) => Promise<PlanStatus>;
  untilPhase: (name: string, phase: string) => Promise<PlanStatus>;
  untilWeight: (name: string, weight: number) => Promise<PlanStatus>;
  handleOf: (name: string) => Promise<WorkflowHandle>;
  /** Everything that a migration may leave behind: all of the namespace that carries its marks. */
  remains: () => Promise<string[]>;
  specOf: (path: string) => Promise<unknown>;
}

interface Running {
  stack: Stack;
  temporal: Client;
}

/**
 * A whole stack with the sample shop for the suite that calls this; `use` is called before the first test.
 * @param begin called before there are samples
 */
export function engineSuite(
  use: (running: Running) => Promise<void> | void,
  options: StackOptions = {},
  begin: (stack: Stack) => Promise<void> = () => Promise.resolve(),
): Engine {
  let running: Running;
  beforeAll(async () => {
    const stack = await startStack(options);
    const connection = Connection.lazy({ address: stack.addresses.temporal });
    running = { stack, temporal: new Client({ connection, namespace: 'scc' }) };
    await begin(stack);
    await deploySamples(stack);
    await use(running);
  }, 600_000);
  afterAll(async () => {
    await running.stack.stop();
    await running.temporal.connection.close();
  }, 60_000);
  return engineOn(() => running);
}

/** @param running asked at each use: a suite starts its stack after it has named its tests */
export function engineOn(running: () => Running): Engine {
  const api = (): Stack['api'] => running().stack.api;

  const read = async (name: string): Promise<Plan> => planSchema.parse(await api().get(`${PLANS}/${name}`));

  const until: Engine['until'] = async (name, wanted, what) => {
    const last: { status: PlanStatus } = { status: {} };
    try {
      return await waitFor(
        async () => {
          ({ status: last.status } = await read(name));
          return wanted(last.status) ? last.status : null;
        },
        { timeoutMs: TIMEOUT_MS, everyMs: 100, what },
      );
    } catch (error) {
      throw new Error(`${name} is not ${what}: ${JSON.stringify(last.status)}`, { cause: error });
    }
  };

  /** Fails as soon as another end is reached: waiting longer would change nothing. */
  const onTheWay: Engine['until'] = async (name, wanted, what) => {
    const status = await until(name, (now) => wanted(now) || ENDS.includes(now.phase), what);
    if (!wanted(status)) throw new Error(`${name} ended before it was ${what}: ${JSON.stringify(status)}`);
    return status;
  };

  return {
    read,
    until,
    untilPhase: (name, phase) => onTheWay(name, (status) => status.phase === phase, phase),
    untilWeight: (name, weight) =>
      onTheWay(name, (status) => status.phase === 'TrafficShifting' && status.weight === weight, `at ${weight} %`),

    apply: async (name, workload, over = {}) => {
      const spec: PlanSpecInput = {
        workloadRef: { kind: 'Deployment', name: workload },
        targetSCC: 'restricted-v2',
        traffic: zeroHolds,
        gates: { metrics: [], readiness: { timeout: '60s' } },
        ...over,
      };
      const metadata = { name, namespace: NAMESPACE };
      return planSchema.parse(await api().create(PLANS, { ...PLAN_TYPE, metadata, spec }));
    },

    handleOf: async (name) => {
      const { metadata } = await read(name);
      const id = workflowIdOf({ namespace: NAMESPACE, name, uid: metadata.uid });
      return running().temporal.workflow.getHandle(id);
    },

    remains: async () => {
      const paths = [
        DEPLOYMENTS,
        `/api/v1/namespaces/${NAMESPACE}/services`,
        ROUTES,
        `/apis/networking.istio.io/v1/namespaces/${NAMESPACE}/destinationrules`,
        `/apis/networking.k8s.io/v1/namespaces/${NAMESPACE}/networkpolicies`,
        `/apis/policy/v1/namespaces/${NAMESPACE}/poddisruptionbudgets`,
        SCALERS,
        `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`,
      ];
      const lists = await Promise.all(
        paths.map((path) => api().list(`${path}?labelSelector=${ROLE_LABEL}=${CANARY_ROLE}`)),
      );
      return lists.flatMap(({ items }) => items.map((item) => namedSchema.parse(item).metadata.name));
    },

    specOf: async (path) => z.looseObject({ spec: z.unknown() }).parse(await api().get(path)).spec,
  };
}
