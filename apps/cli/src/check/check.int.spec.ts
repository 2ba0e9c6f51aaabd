import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Session } from '../session.js';
import { aWorld, objectOf, refused, serveWorld, setAt, SYSTEM, without, type World } from './cluster.fixture.js';
import { faultsFound } from './command.js';

let cluster: Awaited<ReturnType<typeof serveWorld>>;
beforeAll(async () => {
  cluster = await serveWorld();
}, 30_000);
afterAll(() => cluster.stop());

async function faultsIn(
  world: World,
  without: string[] = [],
): Promise<{ part: string; fault: string; remedy: string }[]> {
  cluster.show(world);
  const session = new Session({
    output: 'json',
    kubeconfig: cluster.kubeconfig,
    audience: 'scc-governance',
    temporalNamespace: 'scc',
  });
  try {
    return await faultsFound(session, { systemNamespace: SYSTEM, without });
  } finally {
    await session.close();
  }
}

const deployment = (world: World, name: string, at: readonly (string | number)[], value: unknown): void =>
  setAt(objectOf(world, 'Deployment', name), at, value);
const crd = (world: World, at: readonly (string | number)[], value: unknown): void =>
  setAt(objectOf(world, 'CustomResourceDefinition', 'sccmigrationplans.scc.poc'), at, value);
const ENV = ['spec', 'template', 'spec', 'containers', 0, 'env'];
const FIELDS = ['spec', 'versions', 0, 'schema', 'openAPIV3Schema', 'properties', 'status', 'properties'];
const drop = (world: World, prefix: string): void => {
  for (const version of world.served) if (version.startsWith(prefix)) world.served.delete(version);
};
const since = new Date().toISOString();
const component = (name: string, reason: string) => ({
  status: 200,
  body: { status: 'degraded', components: { [name]: { status: 'down', since, reason } } },
});

/** Each thing that is broken: how, which part is named, with which words and which remedy. */
const BROKEN: [string, (world: World) => void, string, RegExp, RegExp][] = [
  ['an API server that is too old', (w) => (w.minor = '28'), 'kubernetes', /v1\.28\.0/, /1\.30 or newer/],
  ['an API group that is off', (w) => w.served.delete('events.k8s.io/v1'), 'kubernetes', /events\.k8s\.io\/v1/, /on/],
  ['SCCs that are not served', (w) => drop(w, 'security.openshift.io'), 'sccs', /does not serve sec/, /platform=/],
  [
    'no mesh at all',
    (w) => {
      drop(w, 'networking.istio.io');
      drop(w, 'gateway.');
    },
    'mesh',
    /nothing divides/,
    /Install Istio/,
  ],
  [
    'an Istio that is too old',
    (w) => {
      drop(w, 'networking.istio.io');
      w.served.add('networking.istio.io/v1beta1');
    },
    'mesh',
    /v1beta1 only/,
    /Upgrade Istio/,
  ],
  [
    'a Gateway API that is too old',
    (w) => {
      drop(w, 'gateway.');
      w.served.add('gateway.networking.k8s.io/v1beta1');
    },
    'gateway-api',
    /v1beta1 only/,
    /release 1\.1/,
  ],
  [
    'a CRD that is missing',
    (w) => without(w, 'CustomResourceDefinition', 'sccmigrationplans.scc.poc'),
    'crd',
    /is missing/,
    /crds\.install/,
  ],
  [
    'the CRD of campaigns',
    (w) => without(w, 'CustomResourceDefinition', 'sccmigrationcampaigns.scc.poc'),
    'crd',
    /sccmigrationcampaigns\.scc\.poc is missing/,
    /crds\.install/,
  ],
  [
    'a CRD whose version is not served',
    (w) => crd(w, ['spec', 'versions', 0, 'served'], false),
    'crd',
    /does not serve/,
    /helm upgrade/,
  ],
  [
    'a CRD of an earlier version',
    (w) => crd(w, [...FIELDS, 'ordinals'], undefined),
    'crd',
    /lacks status\.ordinals/,
    /helm upgrade/,
  ],
  ['a CRD that is not established', (w) => crd(w, ['status'], {}), 'crd', /not established/, /describe crd/],
  ['the namespace of undos', (w) => without(w, 'Namespace', 'scc-undo'), 'installation', /scc-undo/, /helm upgrade/],
  [
    'an account',
    (w) => without(w, 'ServiceAccount', 'worker'),
    'installation',
    /ServiceAccount scc-system\/worker/,
    /helm upgrade/,
  ],
  [
    'a process that is not installed',
    (w) => without(w, 'Deployment', 'worker'),
    'worker',
    /is missing/,
    /helm install/,
  ],
  [
    'a process without a ready pod',
    (w) => {
      deployment(w, 'watcher', ['status'], {});
      w.objects.push({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'watcher-1', namespace: SYSTEM, labels: { 'app.kubernetes.io/name': 'scc-watcher' } },
        status: {
          phase: 'Pending',
          containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }],
        },
      });
    },
    'watcher',
    /ImagePullBackOff no such image/,
    /describe pods/,
  ],
  [
    'pods that are refused',
    (w) =>
      deployment(w, 'worker', ['status'], {
        conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' }],
      }),
    'worker',
    /exceeded quota/,
    /logs deployment\/worker/,
  ],
  [
    'a process that is scaled to nothing',
    (w) => {
      deployment(w, 'worker', ['spec', 'replicas'], 0);
      deployment(w, 'worker', ['status'], {});
    },
    'worker',
    /scaled to 0/,
    /scale deployment worker/,
  ],
  [
    'task queues that differ',
    (w) =>
      deployment(
        w,
        'watcher',
        ENV,
        ['scc-migration', 'other'].map((value) => ({ name: 'TEMPORAL_TASK_QUEUE', value })),
      ),
    'temporal',
    /TEMPORAL_TASK_QUEUE \(.*watcher: other/,
    /helm upgrade/,
  ],
  [
    'an installation for another platform',
    (w) => deployment(w, 'governance', ENV, [{ name: 'SCC_MODE', value: 'openshift' }]),
    'platform',
    /is kubernetes, and governance is installed for openshift/,
    /platform=kubernetes/,
  ],
  [
    'a watcher that leads no more',
    (w) => (objectOf(w, 'Lease', 'scc-watcher')['spec'] = { holderIdentity: 'w', renewTime: '2026-01-01T00:00:00Z' }),
    'watcher',
    /leads no more/,
    /logs deployment\/watcher/,
  ],
  [
    'a right of the worker',
    (w) =>
      (w.allows = ({ user, resourceAttributes: { resource } }) =>
        !(user.endsWith(':worker') && resource === 'httproutes')),
    'rights',
    /scc-system\/worker may not .*\bget httproutes\.gateway\.networking\.k8s\.io/,
    /scc-orchestrator-worker/,
  ],
  [
    'the rights of governance',
    (w) => (w.allows = ({ user }) => !user.endsWith(':governance')),
    'rights',
    /scc-system\/governance may not create tokenreviews/,
    /scc-orchestrator-governance/,
  ],
  [
    'a webhook without entries',
    (w) => (objectOf(w, 'ValidatingWebhookConfiguration', 'scc-webhook')['webhooks'] = []),
    'webhook',
    /has no entries/,
    /log of governance/,
  ],
  [
    'a webhook that no replica serves',
    (w) => (objectOf(w, 'EndpointSlice', 'governance-webhook-1')['endpoints'] = []),
    'webhook',
    /no replica of the webhook is ready/,
    /get pods/,
  ],
  [
    'a webhook that is not reached',
    (w) => (w.admits = () => refused(500, 'Internal error occurred: failed calling webhook "plans.scc.poc": EOF')),
    'webhook',
    /a plan on trial was refused: .*failed calling webhook/,
    /networkpolicies/,
  ],
  [
    'a webhook that is passed over',
    (w) => {
      const { admits } = w;
      w.admits = ({ metadata, ...object }) =>
        object.kind === 'SCCMigrationPlan'
          ? { status: 201, body: { ...object, metadata } }
          : admits({ ...object, metadata });
    },
    'webhook',
    /not shown to it/,
    /does not reach it/,
  ],
  [
    'the default SCCs',
    (w) => without(w, 'SecurityContextConstraints', 'restricted-v2'),
    'webhook',
    /SCCs are missing/,
    /defaultSccs/,
  ],
  [
    'a governance that does not answer',
    (w) => (w.health = refused(503, 'no endpoints available for service "governance"')),
    'governance',
    /no endpoints available/,
    /logs deployment\/governance/,
  ],
  [
    'a database that is away',
    (w) => (w.health = component('database', 'it does not answer')),
    'database',
    /does not answer/,
    /scc-database/,
  ],
  [
    'a log that is not sealed',
    (w) => (w.health = component('audit', 'no sealer works')),
    'audit',
    /no sealer/,
    /RUNBOOK/,
  ],
  [
    'what a worker does not reach',
    (w) =>
      (w.worker = {
        status: 200,
        body: {
          at: new Date().toISOString(),
          faults: [{ part: 'prometheus', fault: 'answered 401', remedy: 'Give it a token.' }],
        },
      }),
    'prometheus',
    /answered 401/,
    /token/,
  ],
  [
    'a worker that cannot be asked',
    (w) => (w.worker = refused(503, 'error trying to reach service: dial tcp')),
    'worker',
    /cannot be asked what it reaches/,
    /pods\/proxy/,
  ],
  [
    'clocks that differ',
    (w) => (w.clockOffset = -600_000),
    'clock',
    /differ by (5[0-9][0-9]|60[01]) s or more/,
    /time server/,
  ],
];

describe('sccctl check', () => {
  it('names nothing where nothing is broken', async () => {
    expect(await faultsIn(await aWorld())).toEqual([]);
  });

  it.each(BROKEN)('names %s, and the remedy', async (...[, breaks, part, fault, remedy]) => {
    const world = await aWorld();
    breaks(world);
    expect(await faultsIn(world, part === 'rights' ? [] : ['rights'])).toContainEqual({
      part,
      fault: expect.stringMatching(fault) as unknown,
      remedy: expect.stringMatching(remedy) as unknown,
    });
  });

  it('does not miss the right to ConfigMaps that the chart may take away', async () => {
    const world = await aWorld();
    world.allows = ({ user, resourceAttributes: { resource, name } }) =>
      !(user.endsWith(':worker') && resource === 'configmaps' && name === undefined);
    expect(await faultsIn(world)).toEqual([]);
  });

  it('takes rights in chosen namespaces for those of the whole cluster', async () => {
    const world = await aWorld();
    const confined = ['scc-orchestrator-worker', 'scc-orchestrator-dry-run'];
    for (const name of confined)
      world.objects.push({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name, namespace: 'shop' },
      });
    const writes = new Set(['create', 'patch', 'delete', 'bind']);
    world.allows = ({ user, resourceAttributes: { verb, namespace } }) =>
      !(writes.has(verb) && /:(worker|dry-run)$/.test(user)) || namespace !== undefined;
    expect((await faultsIn(world)).map(({ fault }) => fault)).toEqual([
      expect.stringMatching(
        /worker may not patch sccmigrationcampaigns\/status\.scc\.poc, create subjectaccessreviews\.authorization\.k8s\.io$/,
      ) as unknown,
    ]);
  });

  it('says what it could not see', async () => {
    const world = await aWorld();
    world.admits = () => refused(403, 'configmaps is forbidden');
    expect((await faultsIn(world)).length).toBeGreaterThan(0);
  });

  it('is silent and ends with 0 as a process, and with 1 and a table when something is broken', async () => {
    const main = path.resolve(import.meta.dirname, '../../dist/main.js');
    const run = () =>
      promisify(execFile)(process.execPath, [main, '--kubeconfig', cluster.kubeconfig, 'check'], {
        env: { PATH: process.env['PATH'] },
      });
    cluster.show(await aWorld());
    await expect(run()).resolves.toEqual({ stdout: '', stderr: '' });
    const world = await aWorld();
    without(world, 'Deployment', 'worker');
    cluster.show(world);
    await expect(run()).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^PART +FAULT +REMEDY/) as unknown,
    });
  }, 60_000);
});
