import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { asyncLocalStorage } from '@temporalio/activity';
import { createGovernanceClient } from '@scc/governance-api';
import { IstioRouter, istiodView } from '@scc/istio';
import { connectKube, type KubeClient } from '@scc/kube';
import { TERMINAL_FAILURES, TRIES, WEATHER, type MigrationActivities } from '@scc/migration/contract';
import { aSpec, aWholeTarget } from '@scc/migration/testing';
import { FIELD_MANAGER, PLAN_TYPE } from '@scc/plan';
import { AllowedHosts } from '@scc/runtime';
import { createInstruments } from '../metrics.js';
import { noMetrics, prometheusMetrics } from '../outside/prometheus.js';
import { webhookCaller } from '../outside/webhooks.js';
import { contextOf } from './context.fixture.js';
import { unguardedActivities, type WorkerDeps } from './index.js';
import { planOf } from './plan.js';

/** Every activity under every fault of the API server and of governance: what becomes of it is one table. */

type Name = keyof MigrationActivities;

const status =
  (code: number, reason: string, message: string): RequestListener =>
  (request, response) => {
    const isGovernance = (request.url ?? '').startsWith('/v1/');
    const problem = { type: 'urn:scc:test', title: message, status: code, errors: [] };
    const answer = { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message };
    response.writeHead(code, { 'content-type': isGovernance ? 'application/problem+json' : 'application/json' });
    response.end(JSON.stringify(isGovernance ? problem : answer));
  };
const USER = 'system:serviceaccount:scc-system:worker';
const FAULTS = {
  '403 of the authorizer': status(403, 'Forbidden', `things is forbidden: User "${USER}" cannot get resource "things"`),
  '403 of admission': status(403, 'Forbidden', 'admission webhook "policy.example" denied the request: not here'),
  '404': status(404, 'NotFound', 'the server could not find the requested resource'),
  '409 of a version': status(409, 'Conflict', 'the object has been modified'),
  '409 of a name': status(409, 'AlreadyExists', 'things "a" already exists'),
  '422': status(422, 'Invalid', 'ValidatingAdmissionPolicy denied the request'),
  '429': status(429, 'TooManyRequests', 'too many requests'),
  '500': status(500, 'InternalError', 'etcd has no leader'),
  'no answer': () => undefined,
  reset: (request) => request.socket.destroy(),
} satisfies Record<string, RequestListener>;
type Fault = keyof typeof FAULTS;

const ref = { namespace: 'shop', name: 'ledger', uid: 'u1' };
const name = { namespace: 'shop', name: 'ledger' };
const request = {
  namespace: 'shop',
  services: [{ name: 'ledger', canary: 'ledger-scc-canary' }],
  label: aWholeTarget().label,
  markers: {},
  podLabels: {},
};
const routes = { divided: [name], own: [], destinationRules: [name], hasStreams: false };
const target = { ...aWholeTarget(), ref, survey: { request, routes } };
const plan = planOf({ ...PLAN_TYPE, metadata: { ...ref, generation: 1 } }, aSpec());
type Activities = ReturnType<typeof unguardedActivities>;
const { gates } = aSpec();

const CALLS: Record<Name, (act: Activities) => Promise<unknown>> = {
  acceptPlan: (act) => act.acceptPlan(ref),
  readLiveSettings: (act) => act.readLiveSettings(ref),
  assess: (act) => act.assess(ref, plan),
  approvalState: (act) => act.approvalState(ref),
  authorizeStep: (act) => act.authorizeStep(ref, { step: 'Prepare', contentHash: 'h', detail: 'd' }),
  checkCommand: (act) => act.checkCommand(ref, { command: 'pause', source: 'signal', input: {} }),
  recordPreImages: (act) => act.recordPreImages(target),
  takeOver: (act) => act.takeOver(ref),
  handOver: (act) => act.handOver(ref),
  grantTarget: (act) => act.grantTarget(target, true),
  confirmAdmission: (act) => act.confirmAdmission(target),
  createCanary: (act) => act.createCanary(target),
  awaitCanary: (act) => act.awaitCanary(target, 60_000),
  prepareRoutes: (act) => act.prepareRoutes(target),
  setMirror: (act) => act.setMirror(target, { percentage: 100, methods: 'Safe' }),
  setWeights: (act) => act.setWeights(target, 50),
  hold: (act) => act.hold(target, { durationMs: 0, gates, sinceMs: 0, weight: 50 }),
  callWebhooks: (act) => act.callWebhooks(target, { at: 'BeforeShift', gates, weight: 0 }),
  migrateWorkload: (act) => act.migrateWorkload(target),
  awaitWorkload: (act) => act.awaitWorkload(target, 60_000),
  stopWorkload: (act) => act.stopWorkload(target),
  changeOwners: (act) => act.changeOwners(target),
  restoreOwners: (act) => act.restoreOwners(target),
  forgetOwners: (act) => act.forgetOwners(target),
  moveOrdinal: (act) => act.moveOrdinal(target, 0),
  awaitOrdinal: (act) => act.awaitOrdinal(target, 0, 60_000),
  runTrial: (act) => act.runTrial(target, Date.now() + 60_000),
  awaitRun: (act) => act.awaitRun(target, { sinceMs: null, untilMs: Date.now() + 60_000 }),
  awaitStable: (act) => act.awaitStable(target),
  removeCanary: (act) => act.removeCanary(target),
  revokeSource: (act) => act.revokeSource(target, 'Revoke'),
  summarizeTraffic: (act) => act.summarizeTraffic(target, 0),
  restoreWorkload: (act) => act.restoreWorkload(target, []),
  restoreRoutes: (act) => act.restoreRoutes(target, []),
  restoreSourceGrant: (act) => act.restoreSourceGrant(target, []),
  withdrawTargetGrant: (act) => act.withdrawTargetGrant(target),
  compareWithPreImages: (act) => act.compareWithPreImages(target, [{ key: 'v1|Service|shop|ledger', manifest: null }]),
  recordedAfterwards: (act) => act.recordedAfterwards(ref),
  lookAfter: (act) => act.lookAfter(ref),
  revokeLater: (act) => act.revokeLater(target),
  project: (act) => act.project(ref, { status: {}, events: [], workload: null, unreported: [] }),
  recordedOutcome: (act) => act.recordedOutcome(ref),
  settlePlan: (act) => act.settlePlan(ref),
  releasePlan: (act) => act.releasePlan(ref),
};

let folder: string;
let fault: Fault = 'reset';
const listener: RequestListener = (incoming, response) => FAULTS[fault](incoming, response);
const server = createServer(listener);
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-faults-'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    'current-context': 'a',
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    clusters: [{ name: 'a', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'a', user: { token: 't' } }],
  };
  await writeFile(path.join(folder, 'kubeconfig'), JSON.stringify(config));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

const TIMES = { timeoutMs: 3_000, listTimeoutMs: 3_000 };

/** The activities with clients of their own, which know nothing of an earlier fault. */
async function withActivities<T>(
  work: (activities: Activities) => Promise<T>,
  beside: (kube: KubeClient) => Partial<WorkerDeps> = () => ({}),
): Promise<T> {
  const kube = await connectKube({ kubeconfig: path.join(folder, 'kubeconfig'), userAgent: 'test', ...TIMES });
  const governance = createGovernanceClient({ url, ...TIMES, token: () => Promise.resolve('t') });
  const activities = unguardedActivities({
    kube,
    governance,
    router: new IstioRouter({ kube, fieldManager: FIELD_MANAGER, boundMs: 1, signal: () => undefined }),
    metrics: noMetrics,
    reviewGates: () => Promise.resolve({ violations: [], warnings: [] }),
    readImages: () => Promise.resolve(new Map()),
    callWebhook: () => Promise.reject(new Error('no webhook is called here')),
    instruments: createInstruments(),
    drainMs: 0,
    domain: 'cluster.local',
    root: 'istio-system',
    ...beside(kube),
  });
  try {
    return await work(activities);
  } finally {
    kube.close();
    governance.close();
  }
}

/**
 * `final`: the step ends with the server's sentence. `said`: a condition with the cause, the tries and a remedy, and the
 * step is tried again. `retried`: as yet without a word. `answered`: no failure.
 */
type Outcome = 'final' | 'said' | 'retried' | 'answered';

async function outcomeOf(call: () => Promise<unknown>): Promise<Outcome> {
  try {
    await asyncLocalStorage.run(contextOf(), call);
    return 'answered';
  } catch (error) {
    const { type = '', details } = error as { type?: string; details?: unknown[] };
    if (TERMINAL_FAILURES.includes(type)) return 'final';
    if (type !== WEATHER) return 'retried';
    expect(details).toEqual([{ tries: TRIES, remedy: expect.stringMatching(/^(look|bring) /) as string }]);
    return 'said';
  }
}

const names = Object.keys(CALLS) as Name[];

/** The meaning of a fault for a step that asks the API server, and for one that asks governance. */
const MEANINGS: Record<Fault, { cluster: Outcome; governance: Outcome }> = {
  // An API server that has just started denies what it has not read yet, for a moment.
  '403 of the authorizer': { cluster: 'retried', governance: 'final' },
  '403 of admission': { cluster: 'final', governance: 'final' },
  '404': { cluster: 'final', governance: 'final' },
  '409 of a version': { cluster: 'said', governance: 'said' },
  '409 of a name': { cluster: 'final', governance: 'said' },
  '422': { cluster: 'final', governance: 'final' },
  '429': { cluster: 'said', governance: 'said' },
  '500': { cluster: 'said', governance: 'said' },
  'no answer': { cluster: 'said', governance: 'said' },
  reset: { cluster: 'said', governance: 'said' },
};
const OF_GOVERNANCE = new Set<Name>(['approvalState', 'authorizeStep', 'checkCommand']);
/** Nothing can be said where the status itself cannot be written, or before a lost migration is known. */
const PATIENT = new Set<Name>([
  ...(['project', 'releasePlan', 'recordedOutcome', 'settlePlan', 'takeOver', 'handOver'] as const),
  ...(['recordedAfterwards', 'lookAfter', 'revokeLater'] as const),
]);
/** These ask neither server here. */
const ELSEWHERE = new Set<Name>(['callWebhooks', 'summarizeTraffic']);

function expectedOf(name: Name, which: Fault): Outcome {
  const { cluster, governance } = MEANINGS[which];
  if (ELSEWHERE.has(name)) return 'answered';
  if (['recordedOutcome', 'recordedAfterwards'].includes(name) && which === '404') return 'answered';
  if (PATIENT.has(name)) return 'retried';
  if (OF_GOVERNANCE.has(name)) return governance;
  // A part that cannot be looked at is a violation of the plan, with the sentence of the server.
  if (name === 'assess' && (cluster === 'final' || which === '403 of the authorizer')) return 'answered';
  // Its bounded wait for the grant is over.
  if (name === 'confirmAdmission' && which === '403 of the authorizer') return 'final';
  return cluster;
}

it('has a row for every activity that the worker hosts', async () => {
  const hosted = await withActivities((activities) => Promise.resolve(Object.keys(activities)));
  expect(hosted.toSorted()).toEqual(names.toSorted());
});

describe('every activity under', () => {
  it.each(Object.keys(FAULTS) as Fault[])('%s', async (which) => {
    fault = which;
    const outcomes = await withActivities((activities) =>
      Promise.all(names.map(async (name) => [name, await outcomeOf(() => CALLS[name](activities))])),
    );
    expect(outcomes).toEqual(names.map((name) => [name, expectedOf(name, which)]));
  });
});

/** Faults of what stands beside the API server: Prometheus, istiod and the servers of webhook gates. */
const FAULTS_BESIDE = {
  '401': (_request, response) => response.writeHead(401).end(),
  '403': (_request, response) => response.writeHead(403).end('RBAC: access denied'),
  '404': (_request, response) => response.writeHead(404).end(),
  '429': (_request, response) => response.writeHead(429).end(),
  '500': (_request, response) => response.writeHead(500).end(),
  'something else': (_request, response) => response.writeHead(200).end('<html>'),
  'no answer': () => undefined,
  reset: (request) => request.socket.destroy(),
} satisfies Record<string, RequestListener>;
type FaultBeside = keyof typeof FAULTS_BESIDE;

const nobody = { ...target, services: [] };
const webhook = { name: 'smoke', url: '', at: 'BeforeShift' as const, timeout: '1s' };
const mirror = { percentage: 100, methods: 'Safe' as const };
/** A gate that gets no answer is not passed, whatever it asks: "cannot judge" is no verdict in its favour. */
const GATES: Record<FaultBeside, Outcome> = {
  ...({ '401': 'final', '403': 'final', '404': 'final', '429': 'final', '500': 'final' } as const),
  ...({ 'something else': 'final', 'no answer': 'final', reset: 'final' } as const),
};
/** A step that cannot be seen to have arrived, and a proof that cannot be counted, are tried again. */
const SAID: Record<FaultBeside, Outcome> = {
  ...({ '401': 'said', '403': 'said', '404': 'said', '429': 'said', '500': 'said' } as const),
  ...({ 'something else': 'said', 'no answer': 'said', reset: 'said' } as const),
};

interface Beside {
  what: string;
  call: (act: Activities, address: string) => Promise<unknown>;
  outcomes: Record<FaultBeside, Outcome>;
}
const BESIDE: Beside[] = [
  {
    what: 'Prometheus asked by a gate',
    call: (act) => act.hold(target, { durationMs: 0, gates, sinceMs: 0, weight: 0 }),
    outcomes: GATES,
  },
  { what: 'Prometheus asked for the proof', call: (act) => act.summarizeTraffic(target, 0), outcomes: SAID },
  { what: 'istiod asked by setWeights', call: (act) => act.setWeights(nobody, 50), outcomes: SAID },
  { what: 'istiod asked by setMirror', call: (act) => act.setMirror(nobody, mirror), outcomes: SAID },
  { what: 'istiod asked by prepareRoutes', call: (act) => act.prepareRoutes(nobody), outcomes: SAID },
  { what: 'istiod asked by restoreRoutes', call: (act) => act.restoreRoutes(nobody, []), outcomes: SAID },
  {
    what: 'a webhook gate',
    call: (act, url) =>
      act.callWebhooks(target, { at: 'BeforeShift', gates: { ...gates, webhooks: [{ ...webhook, url }] }, weight: 0 }),
    // Any 2xx passes: what a webhook writes is not read.
    outcomes: { ...GATES, 'something else': 'answered' },
  },
];

/** The activities on a cluster that answers, with everything beside it at one address. */
const withBeside = <T>(address: string, work: (activities: Activities) => Promise<T>): Promise<T> =>
  withActivities(work, (kube) => {
    const answering: typeof kube = Object.assign(Object.create(kube) as typeof kube, {
      get: (id: { apiVersion: string; kind: string; name: string }) =>
        Promise.resolve(id.kind === 'Namespace' ? { ...id, metadata: { name: id.name } } : undefined),
      list: () => Promise.resolve({ items: [], resourceVersion: '1' }),
    });
    const view = istiodView({ url: address });
    return {
      kube: answering,
      router: new IstioRouter({
        kube: answering,
        fieldManager: FIELD_MANAGER,
        view,
        boundMs: 1,
        signal: () => undefined,
      }),
      metrics: prometheusMetrics({ url: address, flavour: 'istio' }),
      callWebhook: webhookCaller(new AllowedHosts('127.0.0.1', ''), undefined),
    };
  });

describe('what stands beside the cluster:', () => {
  it.each(Object.keys(FAULTS_BESIDE) as FaultBeside[])('%s', async (which) => {
    const beside = createServer((incoming, response) => FAULTS_BESIDE[which](incoming, response));
    await new Promise<void>((resolve) => beside.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(beside.address() as AddressInfo).port}`;
    try {
      const outcomes = await withBeside(address, (activities) =>
        Promise.all(BESIDE.map(async ({ what, call }) => [what, await outcomeOf(() => call(activities, address))])),
      );
      expect(outcomes).toEqual(BESIDE.map(({ what, outcomes: expected }) => [what, expected[which]]));
    } finally {
      beside.closeAllConnections();
      await new Promise((resolve) => beside.close(resolve));
    }
  });
});
