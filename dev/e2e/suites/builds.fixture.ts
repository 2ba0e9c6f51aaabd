import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { workflowIdOf } from '@scc/migration/contract';
import { PLAN_TYPE, plansPath, type PlanStatus, planStatusSchema } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import type { Stack } from '../../src/index.js';
import type { Walk } from '../walk.fixture.js';

/** Workers of two builds side by side, as docs/UPGRADE.md says. */

const NAMESPACE = 'mine';
const PATIENCE_MS = 120_000;
const [OLD, NEW] = ['1.0.0', '1.1.0'];

interface Running {
  stack: Stack;
  walk: Walk;
  readyPods: () => Promise<number>;
}

/** The values of the chart with which workers are of a build. */
export const ofBuild = (build: string): string => `--set worker.buildId=${build}`;

/** Declares the test; what it uses is asked for when it runs, with workers of build 1.0.0. */
export function twoBuilds(running: () => Running): void {
  const planSchema = z.looseObject({
    metadata: z.looseObject({ uid: z.string() }),
    status: planStatusSchema.prefault({}),
  });
  const read = async (name: string) =>
    planSchema.parse(await running().stack.api.get(`${plansPath(NAMESPACE)}/${name}`));
  const until = (name: string, what: string, holds: (status: PlanStatus) => boolean): Promise<unknown> =>
    waitFor(async () => holds((await read(name)).status), { timeoutMs: PATIENCE_MS, everyMs: 200, what }).catch(
      async (error: unknown) => {
        throw new Error(JSON.stringify((await read(name)).status), { cause: error });
      },
    );
  const run = (text: string): Promise<string> => running().walk.run(text);
  const makeCurrent = (build: string) =>
    run(
      `temporal worker deployment set-current-version --namespace scc --deployment-name scc-worker --build-id ${build} --yes`,
    );

  /** A workload like the example's, and a plan for it. */
  async function begin(name: string, traffic: object): Promise<void> {
    const plan = {
      ...PLAN_TYPE,
      metadata: { name, namespace: NAMESPACE },
      spec: {
        workloadRef: { kind: 'Deployment', name },
        targetSCC: 'restricted-v2',
        traffic: { mirror: { duration: '0s' }, ...traffic },
        gates: { metrics: [] },
      },
    };
    await writeFile(path.join(running().walk.folder, `${name}.json`), JSON.stringify(plan));
    await run(
      `sed 's/greeter/${name}/' deploy/examples/greeter.yaml | kubectl apply --server-side -f -\n` +
        `kubectl apply --server-side -f ${name}.json`,
    );
  }

  const describedSchema = z.looseObject({
    workflowExecutionInfo: z.looseObject({
      versioningInfo: z.looseObject({ deploymentVersion: z.looseObject({ buildId: z.string() }) }),
    }),
  });
  /** The build whose workers decide about a migration. */
  async function buildOf(name: string): Promise<string> {
    const { uid } = (await read(name)).metadata;
    const id = workflowIdOf({ namespace: NAMESPACE, name, uid });
    const described = await run(`temporal workflow describe --namespace scc --workflow-id ${id} --output json`);
    const { workflowExecutionInfo } = describedSchema.parse(JSON.parse(described));
    return workflowExecutionInfo.versioningInfo.deploymentVersion.buildId;
  }

  it('keep what runs on the workers of the build before, and give new plans to the new build', async () => {
    await makeCurrent(OLD);
    await begin('early', { weights: [25, 100], interval: '15s' });
    await until('early', 'a share of the requests to be moved', ({ weight = 0 }) => weight >= 25);
    const early = `${plansPath(NAMESPACE)}/early`;
    await running().stack.api.merge(early, { spec: { suspend: true } });

    const image = await run(
      `kubectl -n scc-system get deployment worker -o jsonpath='{.spec.template.spec.containers[0].image}'`,
    );
    await run(
      `helm upgrade scc deploy/helm --namespace scc-system --reuse-values --wait ${ofBuild(NEW)}` +
        ` --set worker.before.image=${image} --set worker.before.buildId=${OLD}`,
    );
    expect(await running().readyPods()).toBe(8);
    await makeCurrent(NEW);
    await begin('late', { weights: [100], interval: '0s' });
    await until('late', 'what began on the new build to complete', ({ phase }) => phase === 'Completed');

    expect((await read('early')).status).toMatchObject({ phase: 'TrafficShifting', weight: 25 });
    await running().stack.api.merge(early, { spec: { suspend: false } });
    await until('early', 'what began on the build before to complete', ({ phase }) => phase === 'Completed');
    expect([await buildOf('early'), await buildOf('late')]).toEqual([OLD, NEW]);
  }, 600_000);
}
