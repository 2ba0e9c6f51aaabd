import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PLAN_TYPE, type PlanStatus, planStatusSchema, plansPath } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { runHelm } from '../src/chart/helm.js';
import { CHART } from '../src/cluster/places.js';
import { ROOT, startStack, type Stack } from '../src/index.js';
import { objectsOf } from './shared.fixture.js';

/**
 * From a cluster that holds nothing of the product to a completed migration, by the commands of docs/INSTALL.md: one value,
 * one `kubectl apply`, the chart's own rights, and Pod Security `restricted` enforced on the product's namespace.
 */

jest.setTimeout(240_000);

const NAMESPACE = 'scc-system';
const SECONDS = 150;
const VALUES = ['--set', 'tryout=true'];
const run = promisify(execFile);

let stack: Stack;
let before: ReadonlySet<string>;
beforeAll(async () => {
  await runHelm(['version']);
  await runHelm(['version'], { major: 3 });
  const stores = { temporal: false, postgres: false, prometheus: false };
  stack = await startStack({ empty: true, nodes: 2, parts: stores, recordRequests: true });
  // Without its Sidecar, the client's proxy would listen on the loopback at the port of every Service.
  await stack.apply(path.join(ROOT, 'dev', 'samples', '00-shop.yaml'));
  before = new Set(await objectsOf(stack));
}, 900_000);
afterAll(() => stack.stop(), 60_000);

let major: 3 | 4 = 4;
const helm = (...args: string[]): Promise<string> =>
  runHelm([...args, '--kubeconfig', stack.kubeconfig.outside, '--namespace', NAMESPACE], { major });
const wait = ['--wait', '--timeout', `${SECONDS}s`];
const kubectl = async (...args: string[]): Promise<string> =>
  (await run(stack.binary('kubectl'), ['--kubeconfig', stack.kubeconfig.outside, ...args])).stdout;

const statusOf = async (): Promise<PlanStatus> =>
  z.looseObject({ status: planStatusSchema.prefault({}) }).parse(await stack.api.get(`${plansPath('mine')}/greeter`))
    .status;
const until = (what: string, holds: (status: PlanStatus) => boolean): Promise<unknown> =>
  waitFor(async () => holds(await statusOf()), { timeoutMs: SECONDS * 1000, everyMs: 200, what }).catch(
    async (error: unknown) => {
      throw new Error(JSON.stringify(await statusOf()), { cause: error });
    },
  );
const rejection = (attempt: Promise<string>): Promise<string> => attempt.then(() => 'done', String);

/** Holds each weight for so long that the product can be upgraded meanwhile; asks no Prometheus, which is not there. */
const PLAN = {
  ...PLAN_TYPE,
  metadata: { name: 'greeter', namespace: 'mine' },
  spec: {
    workloadRef: { kind: 'Deployment', name: 'greeter' },
    targetSCC: 'restricted-v2',
    traffic: { mirror: { duration: '0s' }, weights: [25, 50, 100], interval: '20s' },
    gates: { metrics: [] },
  },
};

/** Not the product's: workloads, objects of kept CRDs, what istiod writes everywhere, what is made of CRDs and Services. */
const OTHERS = [
  /\/namespaces\/mine($|\/)/,
  /\/securitycontextconstraints\//,
  /\/configmaps\/istio-ca-/,
  /\/(apiservices|ipaddresses)\//,
];
/** What is there that was not there before the installation. */
const added = async (): Promise<string[]> =>
  (await objectsOf(stack))
    .filter((object) => !before.has(object) && !OTHERS.some((pattern) => pattern.test(object)))
    .sort();

/** Beside the ConfigMap of the checkpoint, which is left out as it is written at any time. */
const DATA = [
  '/api/v1/namespaces/scc-system',
  '/api/v1/namespaces/scc-system/configmaps/scc-uid-blocks',
  '/api/v1/namespaces/scc-system/secrets/scc-audit-key',
  '/api/v1/namespaces/scc-undo',
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sccmigrationplans.scc.poc',
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/securitycontextconstraints.security.openshift.io',
].sort();

async function untilOnlyDataIsLeft(): Promise<void> {
  const check = async (): Promise<boolean> => {
    expect(await added()).toEqual(DATA);
    return true;
  };
  await waitFor(check, { timeoutMs: SECONDS * 1000, everyMs: 500, what: 'everything else to go' });
}

const requestSchema = z.looseObject({
  verb: z.string(),
  user: z.looseObject({ username: z.string() }),
  impersonatedUser: z.unknown().optional(),
  objectRef: z.looseObject({ resource: z.string() }).optional(),
  responseStatus: z.looseObject({ code: z.number() }).optional(),
});
/** What the API server refused to any account of the product. */
async function refusals(): Promise<string[]> {
  const text = await readFile(path.join(stack.stateDir, 'logs', 'requests.jsonl'), 'utf8');
  const refused = text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => {
      const { verb, user, impersonatedUser, objectRef, responseStatus } = requestSchema.parse(JSON.parse(line));
      // A dry run in the name of another is to be refused where its pod is.
      const isRefusal = responseStatus?.code === 403 && impersonatedUser === undefined;
      return isRefusal ? [`${user.username} ${verb} ${objectRef?.resource ?? ''}`] : [];
    });
  return [...new Set(refused)];
}

const podsSchema = z.array(
  z.looseObject({
    metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).default({}) }),
    status: z.looseObject({ containerStatuses: z.array(z.looseObject({ restartCount: z.number() })).default([]) }),
  }),
);

describe('helm', () => {
  it('installs the product on an empty cluster with one value', async () => {
    await kubectl('create', 'namespace', NAMESPACE);
    await kubectl('label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted');
    const said = await helm('install', 'scc', CHART, ...VALUES, ...wait);
    expect(said).toContain('!!! FOR TRYING ONLY !!!');
    const pods = podsSchema.parse((await stack.api.list(`/api/v1/namespaces/${NAMESPACE}/pods`)).items);
    // From then on it is recorded who writes a plan.
    const configuration = 'validatingwebhookconfiguration/scc-webhook';
    await kubectl('wait', '--for=jsonpath={.webhooks[0].name}', configuration, `--timeout=${SECONDS}s`);
    // Three processes of two replicas, two stores, and the Jobs of the schema and of the default SCCs.
    expect(pods.length).toBe(10);
  });

  it('begins to migrate a workload that one kubectl apply brings', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'scc-helm-'));
    const plan = path.join(folder, 'plan.json');
    await writeFile(plan, JSON.stringify(PLAN));
    const files = [path.join(ROOT, 'deploy', 'examples', 'greeter.yaml'), plan];
    await kubectl('apply', '--server-side', ...files.flatMap((file) => ['--filename', file]));
    await rm(folder, { recursive: true });
    await until('a share of the requests to be moved', ({ weight = 0 }) => weight >= 25);
  });

  it('refuses to uninstall meanwhile, and says for which migration', async () => {
    const said = await rejection(helm('uninstall', 'scc'));
    expect(said).toContain('cannot uninstall: a migration is not finished:');
    expect(said).toContain('mine/greeter  TrafficShifting');
  });

  it('is upgraded meanwhile, and the migration completes', async () => {
    const values = [...VALUES, '--set', 'worker.env.LOG_LEVEL=debug', ...wait];
    // As the refusal says.
    expect(await rejection(helm('upgrade', 'scc', CHART, ...values))).toContain('has no deployed releases');
    await helm('rollback', 'scc', '1');
    expect((await statusOf()).phase).toBe('TrafficShifting');
    await helm('upgrade', 'scc', CHART, ...values);
    await until('the migration to complete', ({ phase }) => phase === 'Completed');
  });

  it('meets no refusal: the rights of the chart are enough for all of it', async () => {
    const refused = await refusals();
    expect(refused).toEqual([]);
  });

  it('uninstalls all but the CRDs and data', async () => {
    await helm('uninstall', 'scc', ...wait);
    await untilOnlyDataIsLeft();
  });

  it('does the same in its version 3, on a cluster that has the CRDs and data of before', async () => {
    major = 3;
    // As docs/INSTALL.md says of a second try.
    await kubectl('delete', '--namespace', NAMESPACE, 'secret/scc-audit-key', 'configmap/scc-audit-checkpoint');
    await helm('install', 'scc', CHART, ...VALUES, ...wait);
    await helm('upgrade', 'scc', CHART, ...VALUES, '--set', 'worker.replicas=1', ...wait);
    await helm('uninstall', 'scc', ...wait);
    await untilOnlyDataIsLeft();
  });
});
