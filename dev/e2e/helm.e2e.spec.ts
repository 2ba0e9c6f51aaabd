import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PLAN_TYPE, type PlanStatus, planStatusSchema, plansPath } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { helmMajor } from '@scc/testing/scale';
import { z } from 'zod';
import { runHelm } from '../src/chart/helm.js';
import { readObjects, type StatedObject } from '../src/cluster/manifests.js';
import { CHART, type Platform, RENDERED } from '../src/cluster/places.js';
import { NODE, ROOT, startStack, type Stack } from '../src/index.js';
import { ServiceCa } from './service-ca.fixture.js';
import { objectsOf } from './shared.fixture.js';
import { ofBuild, twoBuilds } from './suites/builds.fixture.js';
import { Walk } from './walk.fixture.js';

/**
 * From a cluster that holds nothing of the product to a completed migration, by the commands of docs/INSTALL.md as they
 * stand there: the chart's own rights, and Pod Security `restricted` enforced on the product's namespace. Then the same
 * page for a PostgreSQL and a Temporal of one's own, and for OpenShift.
 */

jest.setTimeout(240_000);

const NAMESPACE = 'scc-system';
const SECONDS = 150;
const VALUES = ['--set', 'tryout=true'];
/** Whatever registry they stand for, a node of the stack knows the image by its last name. */
const IMAGE = 'registry.example/scc-orchestrator';

let stack: Stack;
let walk: Walk;
let before: ReadonlySet<string>;
beforeAll(async () => {
  await runHelm(['version'], { major: helmMajor });
  stack = await startStack({ empty: true, nodes: 2, parts: { prometheus: false }, recordRequests: true });
  walk = await Walk.begin(stack, helmMajor);
  // The stores that `tryout` brings come first, and on this one machine Temporal has one port.
  await stack.part('temporal').stop();
  // Without its Sidecar, the client's proxy would listen on the loopback at the port of every Service.
  await stack.apply(path.join(ROOT, 'dev', 'samples', '00-shop.yaml'));
  before = new Set(await objectsOf(stack));
}, 900_000);
afterAll(async () => {
  await walk.end();
  await stack.stop();
}, 60_000);

const helm = (...args: string[]): Promise<string> =>
  runHelm([...args, '--kubeconfig', stack.kubeconfig.outside, '--namespace', NAMESPACE], { major: helmMajor });
const wait = ['--wait', '--timeout', `${SECONDS}s`];

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
    traffic: { mirror: { duration: '0s' }, weights: [25, 100], interval: '15s' },
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
/** The objects that were not there before the installation. */
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
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sccmigrationcampaigns.scc.poc',
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sccmigrationplans.scc.poc',
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/securitycontextconstraints.security.openshift.io',
].sort();

/** @param others what was there before, beside the data */
async function untilOnlyDataIsLeft(others: readonly string[] = []): Promise<void> {
  const check = async (): Promise<boolean> => {
    expect(await added()).toEqual([...new Set([...DATA, ...others])].sort());
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
/** Requests that the API server refused to any account of the product. */
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

/** What a reader fills in. */
const PREPARED = { '…': 'chosen-by-the-reader', HOST: '127.0.0.1' };
/** The page's installation with its own key, so that the second one continues the log of the first. */
const installing = (name: 'install on Kubernetes' | 'install on OpenShift'): string =>
  walk.text(name, { IMAGE, ...PREPARED }).replace('helm install', 'helm install --set audit.secretName=scc-audit');

/** Runs statements as the superuser of the stack's PostgreSQL, one after the other. */
async function asSuperuser(sql: string): Promise<void> {
  const password = await readFile(path.join(stack.stateDir, 'postgres-password'), 'utf8');
  const script = `import pg from 'pg';
    const [url, ...statements] = process.argv.slice(1);
    const client = new pg.Client(url);
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();`;
  const url = `postgresql://postgres:${password}@127.0.0.1:5432/postgres`;
  const statements = sql.split(/;\n/).filter((text) => text.trim() !== '');
  await stack.exec(NODE, ['--input-type=module', '--eval', script, '--', url, ...statements]);
}

/** The ready Pods of the three processes. */
const readyPods = async (): Promise<number> => {
  const deployment = z.looseObject({ status: z.looseObject({ readyReplicas: z.int().default(0) }) });
  const path = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
  const all = z.array(deployment).parse((await stack.api.list(path)).items);
  return all.reduce((sum, { status }) => sum + status.readyReplicas, 0);
};

/** The objects of a committed rendering. */
const renderedObjects = async (platform: Platform): Promise<StatedObject[]> =>
  (await readObjects(path.join(RENDERED, platform))).filter(({ kind }) => kind !== 'Kustomization');
const appliedIn = (said: string): number => said.match(/ serverside-applied$/gm)?.length ?? 0;

/** The content that governance puts into objects which it finds empty, and the state of what it runs in. */
async function writtenByGovernance(): Promise<unknown[]> {
  const written = z.looseObject({
    metadata: z.looseObject({ generation: z.int().optional() }),
    data: z.unknown().optional(),
    webhooks: z.unknown().optional(),
  });
  const paths = [
    ...['secrets/scc-audit-key', 'secrets/scc-webhook-tls'].map((name) => `/api/v1/namespaces/${NAMESPACE}/${name}`),
    `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/governance`,
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/scc-webhook',
  ];
  const objects = await Promise.all(paths.map(async (one) => written.parse(await stack.api.get(one))));
  return objects.map(({ metadata: { generation }, data, webhooks }) => ({ generation, data, webhooks }));
}

describe(`Helm ${helmMajor} and docs/INSTALL.md`, () => {
  it('install the product on an empty cluster with one value', async () => {
    await walk.block('the namespace');
    const said = await walk.block('try it', { IMAGE });
    expect(said).toContain('!!! FOR TRYING ONLY !!!');
    const pods = (await stack.api.list(`/api/v1/namespaces/${NAMESPACE}/pods`)).items;
    // From then on it is recorded who writes a plan.
    await walk.block('wait for the entries');
    // Three processes of two replicas, two stores, and the Jobs of the schema and of the default SCCs.
    expect(pods.length).toBe(10);
  });

  it('begin to migrate a workload that one kubectl apply brings', async () => {
    await writeFile(path.join(walk.folder, 'plan.json'), JSON.stringify(PLAN));
    await walk.run('kubectl apply --server-side -f deploy/examples/greeter.yaml -f plan.json');
    await until('a share of the requests to be moved', ({ weight = 0 }) => weight >= 25);
  });

  it('refuse to uninstall meanwhile, and say for which migration', async () => {
    const said = await rejection(walk.block('uninstall'));
    expect(said).toContain('cannot uninstall: a migration is not finished:');
    expect(said).toContain('mine/greeter  TrafficShifting');
  });

  it('upgrade meanwhile, and the migration completes', async () => {
    const values = [...VALUES, '--set', 'worker.env.LOG_LEVEL=debug', ...wait];
    // As the refusal says.
    expect(await rejection(helm('upgrade', 'scc', CHART, ...values))).toContain('has no deployed releases');
    expect(await walk.block('stay installed', { REVISION: '1' })).toContain('Rollback was a success');
    expect((await statusOf()).phase).toBe('TrafficShifting');
    await helm('upgrade', 'scc', CHART, ...values);
    await until('the migration to complete', ({ phase }) => phase === 'Completed');
  });

  it('meet no refusal: the rights of the chart are enough for all of it', async () => {
    const refused = await refusals();
    expect(refused).toEqual([]);
  });

  it('uninstall all but the CRDs and data', async () => {
    await walk.block('uninstall');
    await untilOnlyDataIsLeft();
  });

  it('install with a PostgreSQL, a Temporal and an audit key of your own', async () => {
    // As the page says of a second try.
    await walk.run(`kubectl delete --namespace ${NAMESPACE} secret/scc-audit-key configmap/scc-audit-checkpoint`);
    await stack.part('temporal').start();
    await asSuperuser(walk.text('the roles of PostgreSQL', PREPARED));
    await walk.block('the Secrets of PostgreSQL', PREPARED);
    await walk.block('the namespace of Temporal');
    await walk.block('a key of the audit log');
    await walk.run('for file in ca.crt tls.crt api-key; do echo made-up > $file; done');
    await walk.run('openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=scc -keyout tls.key -out tls.crt');
    await walk.block('the Secrets of Temporal');
    await walk.run(installing('install on Kubernetes').replace('helm install', `helm install ${ofBuild('1.0.0')}`));
    await walk.block('wait for the entries');
    expect(await readyPods()).toBe(6);
  });

  twoBuilds(() => ({ stack, walk, readyPods }));

  it('uninstall this too', async () => {
    await walk.block('uninstall');
  });

  it('install on a cluster where OpenShift makes the SCCs and certificates, and uninstall again', async () => {
    await stack.apply(path.join(CHART, 'files', 'sccs', 'cluster-roles.yaml'));
    const authority = await ServiceCa.start(stack, NAMESPACE);
    try {
      await walk.run(installing('install on OpenShift'));
    } finally {
      await authority.stop();
    }
    await walk.block('wait for the entries');
    expect(await readyPods()).toBe(6);
    await walk.block('uninstall');
  });

  it('install without Helm, twice alike, and uninstall all but the CRDs and data', async () => {
    // Of the reader, and of OpenShift's service-ca.
    const secrets = (await added()).filter((object) => object.includes('/secrets/'));
    // Another key of the audit log, so another log.
    await asSuperuser('DROP DATABASE scc WITH (FORCE);\nCREATE DATABASE scc OWNER scc_owner;\n');
    await walk.run(`kubectl delete --namespace ${NAMESPACE} configmap/scc-audit-checkpoint`);
    await mkdir(path.join(walk.folder, 'scc'));
    const overlay = walk.text('an overlay of your own', { IMAGE, ...PREPARED });
    await writeFile(path.join(walk.folder, 'scc', 'kustomization.yaml'), overlay);
    const said = await walk.block('install without Helm');
    const objects = await renderedObjects('kubernetes');
    expect(appliedIn(said)).toBe(objects.length);
    await walk.block('wait for the entries');
    expect(await readyPods()).toBe(6);
    const written = await writtenByGovernance();
    expect(appliedIn(await walk.block('install without Helm'))).toBe(objects.length);
    expect(await writtenByGovernance()).toEqual(written);
    // Helm takes over what it did not make only when it is told to.
    const asked = ['install', 'scc', CHART, '--dry-run=server', ...VALUES];
    expect(await rejection(helm(...asked))).toContain('exists and cannot be imported into the current release');
    expect(await helm(...asked, '--take-ownership')).toContain('STATUS: pending-install');
    await walk.block('uninstall without Helm');
    await untilOnlyDataIsLeft(secrets);
  });

  it('have a rendering for OpenShift that kubectl applies', async () => {
    const said = await walk.run('kubectl apply --server-side -k deploy/kustomize/openshift');
    expect(appliedIn(said)).toBe((await renderedObjects('openshift')).length);
  });
});
