import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PlanSpecInput } from '@scc/plan';
import { type CheckFault, waitFor } from '@scc/runtime';
import { z } from 'zod';
import { ROOT, type Stack } from '../../src/index.js';
import { DEPLOYMENTS, NAMESPACE } from '../engine.fixture.js';
import { sccctlOn } from '../sccctl.fixture.js';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sccmigrationplans.scc.poc';
const WATCHER = '/apis/apps/v1/namespaces/scc-system/deployments/watcher';
const ENTRIES = '/api/v1/namespaces/scc-system/configmaps/scc-webhook-entries';
const ORDINALS = '/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/ordinals';
const PATIENCE_MS = 120_000;

/** What is broken in the cluster, by the part and the words that name it. */
const BROKEN: [string, RegExp][] = [
  ['rights', /worker may not get sccmigrationplans\.scc\.poc/],
  ['rights', /governance may not create tokenreviews\.authentication\.k8s\.io/],
  ['crd', /lacks status\.ordinals/],
  ['watcher', /scaled to 0/],
  ['temporal', /TEMPORAL_TASK_QUEUE .*watcher: another/],
  ['installation', /ConfigMap scc-system\/scc-webhook-entries is missing/],
  ['webhook', /ValidatingWebhookConfiguration scc-webhook is disabled/],
];

const readySchema = z.looseObject({ status: z.looseObject({ readyReplicas: z.int().optional() }) });

type Apply = (name: string, workload: string, over: Partial<PlanSpecInput>) => Promise<unknown>;

/** A real installation, of which parts are broken and mended. */
export function checked(stackOf: () => Stack, apply: Apply): void {
  let folder: string;
  let stack: Stack;
  beforeAll(async () => {
    stack = stackOf();
    folder = await mkdtemp(path.join(tmpdir(), 'sccctl-check-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const sccctl = sccctlOn(stackOf, () => folder);
  const faults = async (): Promise<CheckFault[]> =>
    JSON.parse((await sccctl(null, '-o', 'json', 'check')).out) as CheckFault[];
  const untilSilent = () =>
    waitFor(
      async () => {
        const { code, out, err } = await sccctl(null, 'check');
        return code === 0 && out === '' && err === '';
      },
      { timeoutMs: PATIENCE_MS, everyMs: 1000, what: 'an installation in which nothing is broken' },
    );
  /** A copy of a sample, so that it does not matter what other tests did to the sample itself. */
  const deployCopy = async (): Promise<void> => {
    const sample = await readFile(path.join(ROOT, 'dev', 'samples', 'catalog.yaml'), 'utf8');
    await stack.apply(sample.replaceAll('catalog', 'drawn'));
    await waitFor(
      async () => readySchema.parse(await stack.api.get(`${DEPLOYMENTS}/drawn`)).status.readyReplicas === 3,
      { timeoutMs: PATIENCE_MS, everyMs: 500, what: 'three pods of the copy to be ready' },
    );
  };
  const patch = (at: string, body: object[]) => stack.api.call('PATCH', at, body, 'application/json-patch+json');

  describe('sccctl check', () => {
    it(
      'and then draws a migration as a tree, follows it line by line where there is no terminal, and ends with it',
      async () => {
        await stack.apply('apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: admin, namespace: scc-system }');
        await deployCopy();
        await apply('drawn', 'drawn', {
          traffic: { mirror: { duration: '0s' }, weights: [50, 100], interval: '10s' },
          gates: { readiness: { timeout: '60s' }, metrics: [] },
        });
        const get = ['get', 'drawn', '-n', NAMESPACE];
        const shown = async () => (await sccctl('scc-system/admin', ...get)).out;
        const following = sccctl('scc-system/admin', ...get, '--watch');
        const during = await waitFor(
          async () => {
            const text = await shown();
            return /weight +\[█/.test(text) ? text : null;
          },
          { timeoutMs: PATIENCE_MS, everyMs: 200, what: 'a weight to be drawn' },
        );
        expect(during).toMatch(/Deployment drawn-scc-canary \(canary\)/);
        expect(during).toMatch(/─ ✔ drawn-scc-canary-\S+ +restricted-v2 ✔ +ready/);
        const { code, out, err } = await following;
        expect(err).toBe('');
        expect(code).toBe(0);
        const lines = out.trim().split('\n');
        expect(lines.some((line) => line.includes('TrafficShifting'))).toBe(true);
        expect(lines.at(-1)).toMatch(/Z {2}Completed/);
        expect(await shown()).toMatch(/─ ✔ drawn-\S+ +restricted-v2 ✔ +ready[\s\S]*EVENTS[\s\S]*MigrationCompleted/);
      },
      2 * PATIENCE_MS,
    );

    it('is silent where nothing is broken', untilSilent, PATIENCE_MS);

    it(
      'names everything that is broken in the cluster, with its remedy',
      async () => {
        const bindings = ['scc-orchestrator-worker-facts', 'scc-orchestrator-governance'];
        const paths = [...bindings.map((name) => `${RBAC}/clusterrolebindings/${name}`), ENTRIES];
        const objects = await Promise.all(paths.map((at) => stack.api.get(at)));
        const watcher = (await stack.api.get(WATCHER)) as { spec: object };
        const { spec } = (await stack.api.get(CRD)) as {
          spec: { versions: [{ schema: { openAPIV3Schema: { properties: { status: { properties: object } } } } }] };
        };
        const ordinals: unknown = Reflect.get(
          spec.versions[0].schema.openAPIV3Schema.properties.status.properties,
          'ordinals',
        );
        try {
          await Promise.all(paths.map((at) => stack.api.call('DELETE', at)));
          await patch(CRD, [{ op: 'remove', path: ORDINALS }]);
          const env = '/spec/template/spec/containers/0/env/-';
          await patch(WATCHER, [
            { op: 'replace', path: '/spec/replicas', value: 0 },
            { op: 'add', path: env, value: { name: 'TEMPORAL_TASK_QUEUE', value: 'another' } },
          ]);
          await sccctl(null, 'webhook', 'disable');
          const found = await waitFor(
            async () => {
              const now = await faults();
              return now.some(({ fault }) => fault.includes('scaled to 0')) ? now : null;
            },
            { timeoutMs: PATIENCE_MS, what: 'the watcher to be gone' },
          );
          for (const [part, fault] of BROKEN)
            expect(found).toContainEqual({
              part,
              fault: expect.stringMatching(fault) as unknown,
              remedy: expect.stringMatching(/\S/) as unknown,
            });
        } finally {
          for (const [index, at] of paths.entries()) {
            const { metadata, ...rest } = objects[index] as { metadata: Record<string, unknown> };
            const { resourceVersion: _v, uid: _u, creationTimestamp: _c, managedFields: _m, ...kept } = metadata;
            await stack.api.create(at.slice(0, at.lastIndexOf('/')), { ...rest, metadata: kept });
          }
          await patch(CRD, [{ op: 'add', path: ORDINALS, value: ordinals }]);
          await patch(WATCHER, [{ op: 'replace', path: '/spec', value: watcher.spec }]);
          await sccctl(null, 'webhook', 'enable');
          await untilSilent();
        }
      },
      3 * PATIENCE_MS,
    );

    it(
      'names what a worker does not reach',
      async () => {
        await stack.part('prometheus').stop();
        try {
          const isNamed = async () =>
            (await faults()).some(({ part, fault }) => part === 'prometheus' && fault.includes('does not answer'));
          await waitFor(isNamed, { timeoutMs: PATIENCE_MS, everyMs: 1000, what: 'Prometheus to be named' });
        } finally {
          await stack.part('prometheus').start();
          await untilSilent();
        }
      },
      3 * PATIENCE_MS,
    );
  });
}
