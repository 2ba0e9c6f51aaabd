import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { canaryName, gateJobName, type PlanSpecInput } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import type { Stack } from '../../src/index.js';
import { deployCopy } from '../copy.fixture.js';
import { DEPLOYMENTS, NAMESPACE, TIMEOUT_MS, type Engine } from '../engine.fixture.js';
import { sccctlOn } from '../sccctl.fixture.js';

const NAME = 'judged';
const BATCH = `/apis/batch/v1/namespaces/${NAMESPACE}`;
const EVENTS = `/api/v1/namespaces/${NAMESPACE}/events`;

const eventsSchema = z.array(z.looseObject({ reason: z.string() }));
const podsSchema = z.array(
  z.looseObject({ metadata: z.looseObject({ annotations: z.record(z.string(), z.string()) }) }),
);

type Moment = NonNullable<NonNullable<PlanSpecInput['gates']>['jobs']>[number]['at'];
/** The gates of a plan that runs a suspended CronJob of the namespace once. */
const running = (name: string, at: Moment): PlanSpecInput['gates'] => ({
  metrics: [],
  readiness: { timeout: '60s' },
  jobs: [{ name: 'checks', from: { kind: 'CronJob', name }, at }],
});

/** Jobs that judge, trials, and the time in which all of a migration can be taken back. */
export function gates(stackOf: () => Stack, { apply, until, untilPhase, remains, specOf }: Engine): void {
  let home: string;
  const sccctl = sccctlOn(stackOf, () => home);
  /** A CronJob that is nothing but a template, under an account that may use the most restricted SCC alone. */
  const template = async (name: string, image: string): Promise<void> => {
    const spec = { restartPolicy: 'Never', containers: [{ name: 'app', image }] };
    const jobTemplate = { spec: { backoffLimit: 0, template: { spec } } };
    const metadata = { name, namespace: NAMESPACE };
    await stackOf().api.create(`${BATCH}/cronjobs`, {
      ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata },
      spec: { schedule: '0 0 1 1 *', suspend: true, jobTemplate },
    });
  };
  /** What the controller of Jobs said of the Job of a gate, which is gone. */
  const saidOf = async (plan: string, at: Moment): Promise<string[]> => {
    const job = gateJobName(plan, 'checks', at);
    const { items } = await stackOf().api.list(
      `${EVENTS}?fieldSelector=involvedObject.kind=Job,involvedObject.name=${job}`,
    );
    return eventsSchema.parse(items).map(({ reason }) => reason);
  };
  /** Which pod answers a request that comes by the gateway. */
  const podOf = async (header: string): Promise<string> => {
    const to = ['-H', `Host: ${NAME}.${NAMESPACE}.example`, 'http://127.0.0.1:15080/'];
    const answer = await stackOf().exec('curl', ['-s', '-o', '/dev/null', '-D', '-', '-H', header, ...to]);
    return /^x-pod: (\S+)/im.exec(answer)?.[1] ?? '';
  };
  const sccs = async (): Promise<Set<string | undefined>> => {
    const { items } = await stackOf().api.list(`/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app=${NAME}`);
    return new Set(podsSchema.parse(items).map(({ metadata }) => metadata.annotations['openshift.io/scc']));
  };

  describe('a plan that runs Jobs of the namespace', () => {
    let before: unknown;
    beforeAll(async () => {
      home = await mkdtemp(path.join(tmpdir(), 'sccctl-gates-'));
      await stackOf().apply('apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: admin, namespace: scc-system }');
      await deployCopy(stackOf(), NAME);
      before = await specOf(`${DEPLOYMENTS}/${NAME}`);
      await template('checks', 'scc.poc/batch:1');
      await template('failing-checks', 'scc.poc/batch-as-root:1');
    }, 240_000);
    afterAll(() => rm(home, { recursive: true }));

    const untouched = async (): Promise<void> => {
      expect(await specOf(`${DEPLOYMENTS}/${NAME}`)).toEqual(before);
      expect(await remains()).toEqual([]);
      const { items } = await stackOf().api.list(`${BATCH}/jobs?labelSelector=scc.poc/role=gate`);
      expect(items).toEqual([]);
    };

    it('tries the target, takes everything back, and says whether it passed', async () => {
      const trial = { trial: { duration: '1s' }, traffic: { mirror: { duration: '1s' } } };
      await apply('tried', NAME, { ...trial, gates: running('checks', 'BeforeShift') });
      const passed = await untilPhase('tried', 'RolledBack');
      expect(passed.message).toMatch(/the trial is over: judged-scc-canary passed its gates/);
      const phases = passed.history?.map(({ phase }) => phase);
      expect(phases).toContain('Mirroring');
      expect(phases).not.toContain('TrafficShifting');
      expect(await saidOf('tried', 'BeforeShift')).toContain('Completed');
      await untouched();

      await apply('tried-in-vain', NAME, { ...trial, gates: running('failing-checks', 'BeforeMirror') });
      const { message } = await untilPhase('tried-in-vain', 'RolledBack');
      expect(message).toMatch(/gate checks failed: Job \S+ failed: container app ended with exit code 1/);
      expect(message).not.toContain('the trial is over');
      await untouched();
    }, 300_000);

    it('is taken back while it bakes, when all of it runs under the target already', async () => {
      const testers = { header: 'x-tester', value: 'yes' };
      const traffic = { mirror: { duration: '0s' }, weights: [100], interval: '0s', testers };
      await apply('baked', NAME, { bake: '1h', traffic, gates: running('checks', 'AfterMigrate') });
      const { phase } = await until('baked', ({ message = '' }) => message.includes('until then a rollback'), 'baking');
      expect(phase).toBe('Migrating');
      expect(await sccs()).toEqual(new Set(['restricted-v2']));
      expect(await saidOf('baked', 'AfterMigrate')).toContain('Completed');
      for (const [header, isCanary] of [
        ['x-tester: yes', true],
        ['x-tester: no', false],
      ] as const) {
        const served = await Promise.all(Array.from({ length: 10 }, () => podOf(header)));
        expect(served.map((pod) => pod.startsWith(canaryName(NAME)))).toEqual(served.map(() => isCanary));
      }
      const asked = ['rollback', 'baked', '-n', NAMESPACE, '--reason', 'an old client fails'];
      expect(await sccctl('scc-system/admin', ...asked)).toMatchObject({ code: 0, err: '' });
      expect((await untilPhase('baked', 'RolledBack')).message).toContain('rollback');
      await untouched();
      await waitFor(async () => !(await sccs()).has('restricted-v2'), {
        timeoutMs: TIMEOUT_MS,
        everyMs: 500,
        what: 'the pods under the target to end',
      });
      expect((await sccctl('scc-system/admin', 'get', 'baked', '-n', NAMESPACE)).out).toContain('an old client fails');
    }, 300_000);
  });
}
