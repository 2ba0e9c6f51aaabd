import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { CAMPAIGN_TYPE, campaignStatusSchema } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { type KeptScan, keptScanSchema } from '@scc/scc/scan';
import { z } from 'zod';
import { rightsOf } from '../src/chart/objects.fixture.js';
import { readObjects } from '../src/cluster/manifests.js';
import { RENDERED } from '../src/cluster/places.js';
import { aCronJob, ofCronJob } from './next-run.fixture.js';
import { engineOn, longHolds, NAMESPACE, PLANS, TIMEOUT_MS } from './engine.fixture.js';
import { deploySamples, startStack, type Stack } from '@scc/dev';
import { sccctlOn } from './sccctl.fixture.js';

/**
 * The rights of the chart are those that the code uses: the API server records every request of the product's accounts
 * while migrations complete, are refused, rolled back and deleted, on a cluster that serves the Gateway API.
 */

jest.setTimeout(TIMEOUT_MS + 30_000);

const ROUTES = ['TCPRoute', 'TLSRoute'];
/** Served without any meaning: the rights to them are all that this test is about. */
const gatewayCrd = (kind: string): object => {
  const plural = `${kind.toLowerCase()}s`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.gateway.networking.k8s.io`,
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
    },
    spec: {
      group: 'gateway.networking.k8s.io',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };
};

let stack: Stack;
let connection: Connection;
let temporal: Client;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'rights-used-'));
  stack = await startStack({ recordRequests: true, parts: { worker: false, watcher: false } });
  for (const kind of ROUTES)
    await stack.api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', gatewayCrd(kind));
  for (const kind of ROUTES)
    await waitFor(
      () =>
        stack.api.list(`/apis/gateway.networking.k8s.io/v1/${kind.toLowerCase()}s`).then(
          () => true,
          () => false,
        ),
      { timeoutMs: 30_000, what: `${kind} to be served` },
    );
  await stack.part('worker').start();
  await stack.part('watcher').start();
  await deploySamples(stack);
  connection = await Connection.connect({ address: stack.addresses.temporal });
  temporal = new Client({ connection, namespace: 'scc' });
}, 900_000);
afterAll(async () => {
  await stack.stop();
  await connection.close();
  await rm(home, { recursive: true });
}, 60_000);

const { apply, untilPhase, untilWeight, remains } = engineOn(() => ({ stack, temporal }));

const sccctl = sccctlOn(
  () => stack,
  () => home,
);

async function scanned(...args: string[]): Promise<KeptScan> {
  const { out, err } = await sccctl('scc-system/admin', '-o', 'json', 'scans', ...args);
  expect(err).toBe('');
  return keptScanSchema.parse(JSON.parse(out));
}

const CAMPAIGN = `/apis/${CAMPAIGN_TYPE.apiVersion}/sccmigrationcampaigns`;

/** Moves one workload by a campaign of its own. */
async function inCampaign(name: string): Promise<void> {
  const template = { traffic: { mirror: { duration: '0s' }, interval: '0s' }, gates: { metrics: [] } };
  const spec = { selector: { namespaces: [NAMESPACE], labels: { app: name } }, template };
  await stack.api.create(CAMPAIGN, { ...CAMPAIGN_TYPE, metadata: { name }, spec });
  const schema = z.looseObject({ status: campaignStatusSchema.prefault({}) });
  await waitFor(async () => schema.parse(await stack.api.get(`${CAMPAIGN}/${name}`)).status.phase === 'Completed', {
    timeoutMs: TIMEOUT_MS,
    everyMs: 500,
    what: 'the campaign to end',
  });
}

const eventSchema = z.looseObject({
  verb: z.string(),
  user: z.looseObject({ username: z.string() }),
  impersonatedUser: z.looseObject({ username: z.string() }).optional(),
  objectRef: z
    .looseObject({
      apiGroup: z.string().default(''),
      resource: z.string(),
      subresource: z.string().optional(),
    })
    .optional(),
  responseStatus: z.looseObject({ code: z.number() }).optional(),
});
type RequestEvent = z.infer<typeof eventSchema>;

const ACCOUNTS = ['governance', 'worker', 'watcher'] as const;
type Account = (typeof ACCOUNTS)[number];

async function recorded(): Promise<RequestEvent[]> {
  const text = await readFile(path.join(stack.stateDir, 'logs', 'requests.jsonl'), 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => eventSchema.parse(JSON.parse(line)));
}

const written = (group: string, resource: string, verb: string): string =>
  `${verb} ${resource}${group === '' ? '' : `.${group}`}`;

const requestsOf = async (account: Account): Promise<RequestEvent[]> =>
  (await recorded()).filter(({ user }) => user.username === `system:serviceaccount:scc-system:${account}`);

const used = async (account: Account): Promise<Set<string>> =>
  new Set(
    (await requestsOf(account)).flatMap(({ verb, objectRef, impersonatedUser }) => {
      if (!objectRef) return [];
      const { apiGroup, resource, subresource } = objectRef;
      // A request in another's name needs the right to speak for them, and no right to what is asked for.
      if (impersonatedUser) return ['impersonate serviceaccounts'];
      return [written(apiGroup, subresource === undefined ? resource : `${resource}/${subresource}`, verb)];
    }),
  );

const granted = async (account: Account): Promise<Set<string>> =>
  new Set(
    rightsOf(await readObjects(path.join(RENDERED, 'kubernetes')), account).flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => written(group, resource, verb))),
      ),
    ),
  );

/** Rights that no suite can use here, and why the installation has them. */
const UNSEEN: Record<Account, [rights: RegExp, reason: string][]> = {
  governance: [
    [
      /^patch (mutating|validating)webhookconfigurations\./,
      'the stack installs the entries with the authority, as governance would write them',
    ],
    [/^(create|patch) events\./, 'told of a workload whose SCC changes without a plan, as none does here'],
    [
      /^list (deploymentconfigs|rollouts|services\.serving|routes\.route|(tcp|tls)routes)\b/,
      'a scan reads kinds that not every cluster serves; these it does not serve, or not in that version',
    ],
    [/^update namespaceenforcements\./, 'a permission that a review asks about; there is no such resource'],
  ],
  worker: [
    [/^get (persistentvolumes|csidrivers\.storage\.k8s\.io)$/, 'no StatefulSet of the samples keeps data'],
    [/^get persistentvolumeclaims$/, 'no sample mounts a claim; one that only a single node may mount is refused'],
    [/^(get|list|create) volumesnapshots\./, 'no storage of the stack takes snapshots'],
    [/^get configmaps$/, 'an undo that governance does not answer checks its seal against the published key'],
    [/^list serviceaccounts$/, 'asked only where Pod Security labels of a namespace are followed'],
    [/^delete virtualservices\./, 'a route of its own is made only where a Service has none'],
    [
      /^(get|patch|delete) endpointslices\./,
      'canary pods join a Service where no proxy of a mesh knows it; all of the samples are in the mesh',
    ],
    [/^patch events\./, 'an event that happens again is counted up'],
    [
      /^list (deploymentconfigs|rollouts|services\.serving)\b/,
      'the scan of a campaign reads kinds that not every cluster serves; these it does not serve',
    ],
    [/^create /, 'an apply of an object that is not there is a patch to the API, and a create to RBAC'],
    [/^bind clusterroles\./, 'RBAC asks for it when a binding grants an SCC'],
    [
      /\.(security|telemetry|extensions)\.istio\.io$| (sidecars|envoyfilters|proxyconfigs)\./,
      'no sample has a policy of this kind that selects its pods',
    ],
    [
      /^list \w+\.(k8s\.ovn\.org|policy\.networking\.k8s\.io|cilium\.io|crd\.projectcalico\.org|monitoring\.coreos\.com|keda\.sh|autoscaling\.k8s\.io)$/,
      'custom resources that pick pods are listed where their definitions are installed',
    ],
    [
      /^(get|patch) routes\.route\.openshift| ingresscontrollers\./,
      'no sample has a Route of OpenShift, whose routers belong to an IngressController',
    ],
    [
      /^(get|patch) (http|grpc)routes\.gateway| referencegrants\.gateway|^get customresourcedefinitions\./,
      'no sample has a route of the Gateway API',
    ],
  ],
  watcher: [],
};

describe('the rights that the code uses', () => {
  it('are exercised by a migration, a refusal, an undo and a deletion', async () => {
    // Its ids are allocated.
    const fresh = { metadata: { name: 'fresh', labels: { 'scc.poc/enforce': 'true' } } };
    await stack.api.create('/api/v1/namespaces', fresh);
    await apply('per-node', 'node-agent', { workloadRef: { kind: 'DaemonSet', name: 'node-agent' } });
    await apply('ordered', 'sessions', { workloadRef: { kind: 'StatefulSet', name: 'sessions' } });
    await aCronJob(stack, { name: 'yearly', image: 'scc.poc/batch:1', suspend: true });
    await apply('next-run', 'yearly', ofCronJob('yearly', { trialRun: true, waitForRun: '15s' }));
    await apply('whole', 'ledger');
    await untilPhase('per-node', 'Completed');
    await untilPhase('ordered', 'Completed');
    await untilPhase('next-run', 'Completed');
    await untilPhase('whole', 'Completed');
    await inCampaign('payments');
    await apply('gone', 'orders', { traffic: longHolds });
    await untilWeight('gone', 10);
    await stack.api.call('DELETE', `${PLANS}/gone`);
    await waitFor(
      async () =>
        (await stack.api.list(PLANS)).items.every(
          (plan) =>
            z.looseObject({ metadata: z.looseObject({ name: z.string() }) }).parse(plan).metadata.name !== 'gone',
        ),
      { timeoutMs: TIMEOUT_MS, everyMs: 200, what: 'the deleted plan to be undone' },
    );
    expect(await remains()).toEqual([]);
    const annotated = z.looseObject({ metadata: z.looseObject({ annotations: z.record(z.string(), z.string()) }) });
    await waitFor(
      async () =>
        'openshift.io/sa.scc.uid-range' in
        annotated.parse(await stack.api.get('/api/v1/namespaces/fresh')).metadata.annotations,
      { timeoutMs: 30_000, what: 'the ids of a namespace' },
    );
  });

  it('are exercised by a scan that governance makes', async () => {
    await stack.api.create('/api/v1/namespaces/scc-system/serviceaccounts', { metadata: { name: 'admin' } });
    const { id } = await scanned('start');
    await waitFor(async () => (await scanned('show', id)).state !== 'running', {
      timeoutMs: TIMEOUT_MS,
      what: 'the scan by governance',
    });
    const { state, failure, totals } = await scanned('show', id);
    expect({ state, failure }).toEqual({ state: 'done', failure: null });
    expect(totals.workloads).toBeGreaterThan(5);
  });

  it.each(ACCOUNTS)('never meet a refusal: %s', async (account) => {
    const refused = (await requestsOf(account))
      .filter(({ responseStatus, impersonatedUser }) => responseStatus?.code === 403 && !impersonatedUser)
      .map(({ verb, objectRef }) => written(objectRef?.apiGroup ?? '', objectRef?.resource ?? '', verb));
    expect([...new Set(refused)]).toEqual([]);
  });

  it.each(ACCOUNTS)('are all granted to %s', async (account) => {
    const has = await granted(account);
    // Every authenticated user may ask what itself may do.
    expect([...(await used(account))].filter((right) => !has.has(right) && !right.includes('selfsubject'))).toEqual([]);
  });

  it.each(ACCOUNTS)('are all that %s is granted, but for those with a reason', async (account) => {
    const seen = await used(account);
    const explained = ([...UNSEEN[account]] as const).map(([rights]) => rights);
    const unused = [...(await granted(account))].filter((right) => !seen.has(right));
    expect(unused.filter((right) => !explained.some((pattern) => pattern.test(right)))).toEqual([]);
  });

  it.each(ACCOUNTS)('leave no reason without a right that needs it: %s', async (account) => {
    const has = [...(await granted(account))];
    expect(UNSEEN[account].filter(([pattern]) => !has.some((right) => pattern.test(right)))).toEqual([]);
  });
});
