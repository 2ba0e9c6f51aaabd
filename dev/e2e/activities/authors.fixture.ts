import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PLAN_TYPE, type PlanRef, plansPath } from '@scc/plan';
import { readPlan } from '@scc/worker/testing';
import type { Stack } from '../../src/index.js';
import type { Cluster, World } from './world.fixture.js';

/** Plans by users of a real API server, and what governance says of their rights. */

interface Author {
  /** The user that the API server takes the caller for. */
  user?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
  /** The ServiceAccount that calls, in its own name where no user is named; else the cluster's administrator does. */
  by?: { namespace: string; name: string };
}

export function authorsOn(of: () => { stack: Stack; cluster: Cluster; world: Pick<World, 'namespace'> }) {
  /** Creates a plan, which admission sees as any other. @throws Error with the API server's words when it refuses */
  async function planBy({ user, groups = [], extra = {}, by }: Author, name: string): Promise<PlanRef> {
    const { stack, cluster, world } = of();
    const { namespace } = world;
    const spec = { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'nonroot-v2' };
    const file = path.join(stack.stateDir, `${name}.json`);
    await writeFile(file, JSON.stringify({ ...PLAN_TYPE, metadata: { namespace, name }, spec }));
    const as = [
      ...(by ? [`--token=${await stack.token(by)}`] : []),
      ...(user === undefined ? [] : [`--as=${user}`]),
      ...groups.map((group) => `--as-group=${group}`),
      ...Object.entries(extra).flatMap(([key, values]) => values.map((value) => `--as-user-extra=${key}=${value}`)),
    ];
    // Raw, it asks for nothing else in the name of the user.
    const create = ['create', '--raw', plansPath(namespace), '-f', file];
    const kubectl = ['--kubeconfig', stack.kubeconfig.inside, ...as, ...create];
    await stack.exec(stack.binary('kubectl'), kubectl);
    const made = await cluster.admin.get({ ...PLAN_TYPE, namespace, name });
    return { namespace, name, uid: made?.metadata.uid ?? '' };
  }

  async function assessed(ref: PlanRef) {
    const { cluster } = of();
    const assessment = await cluster.run({ ref }).assess(ref, await readPlan(cluster.admin, ref));
    if (!assessment.ok) throw new Error(JSON.stringify(assessment.violations));
    return assessment;
  }

  /** The fields of the plan that ask for a right that its authors lack. */
  const missing = async (ref: PlanRef): Promise<string[]> =>
    (await assessed(ref)).governance.violations
      .filter(({ code }) => code === 'AuthorLacksRight')
      .map(({ field }) => field);

  return { planBy, assessed, missing };
}
