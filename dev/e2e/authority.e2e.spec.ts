import { describe, expect, it, jest } from '@jest/globals';
import { AUTHOR_ANNOTATION, PLAN_TYPE, type PlanSpecInput } from '@scc/plan';
import { stopAnswerSchema } from '@scc/governance-api';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import type { ClusterApi, Stack } from '../src/index.js';
import { condition, DEPLOYMENTS, engineSuite, NAMESPACE, PLANS, TIMEOUT_MS } from './engine.fixture.js';
import { campaigns } from './suites/campaigns.fixture.js';
import { attacks } from './suites/attacks.fixture.js';
import { lostDatabase } from './suites/lost-database.fixture.js';
import { mutatedPlans } from './suites/mutants.fixture.js';
import { sealedUndo } from './suites/sealed.fixture.js';
import { sccctlOn } from './sccctl.fixture.js';

/** In whose name a plan works: it gives its author nothing that they could not do by hand. */

jest.setTimeout(TIMEOUT_MS + 30_000);

const account = (name: string, rules: string): string => `
{ apiVersion: v1, kind: ServiceAccount, metadata: { name: ${name}, namespace: ${NAMESPACE} } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: ${name}, namespace: ${NAMESPACE} }
rules: ${rules}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: ${name}, namespace: ${NAMESPACE} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: ${name} }
subjects: [{ kind: ServiceAccount, name: ${name}, namespace: ${NAMESPACE} }]
---`;
const PLANS_RULE = '{ apiGroups: [scc.poc], resources: [sccmigrationplans], verbs: [create, get, delete] }';
const EDITS_RULE = '{ apiGroups: [apps], resources: [deployments], verbs: [get, update, patch] }';
const MANIFESTS = `
${account('mallory', `[${PLANS_RULE}]`)}
${account('edith', `[${PLANS_RULE}, ${EDITS_RULE}]`)}
{ apiVersion: v1, kind: ServiceAccount, metadata: { name: admin, namespace: scc-system } }
---
{ apiVersion: v1, kind: Secret, metadata: { name: db, namespace: ${NAMESPACE} }, stringData: { password: hunter2 } }
`;

let stack: Stack;
let temporal: Client;
const { apply, until, untilPhase, untilWeight, remains } = engineSuite(async (running) => {
  ({ stack, temporal } = running);
  await stack.apply(MANIFESTS);
});

async function clientOf(name: string): Promise<ClusterApi> {
  return stack.apiAs(await stack.token({ namespace: NAMESPACE, name }));
}

async function applyAs(who: string, name: string, over: Partial<PlanSpecInput>): Promise<void> {
  const spec: PlanSpecInput = {
    workloadRef: { kind: 'Deployment', name: 'ledger' },
    targetSCC: 'restricted-v2',
    traffic: { mirror: { duration: '0s' }, interval: '0s' },
    gates: { metrics: [], readiness: { timeout: '60s' } },
    ...over,
  };
  await (await clientOf(who)).create(PLANS, { ...PLAN_TYPE, metadata: { name, namespace: NAMESPACE }, spec });
}

/** Everything in the namespace that a migration could have changed, by name and version. */
async function touched(): Promise<string[]> {
  const kinds = [
    ...[DEPLOYMENTS, `/api/v1/namespaces/${NAMESPACE}/services`],
    ...['rolebindings', 'roles'].map((kind) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/${kind}`),
    `/apis/networking.istio.io/v1/namespaces/${NAMESPACE}/virtualservices`,
  ];
  const schema = z.looseObject({ metadata: z.looseObject({ uid: z.string(), generation: z.int().default(0) }) });
  const lists = await Promise.all(kinds.map((kind) => stack.api.list(kind)));
  return lists
    .flatMap(({ items }) => items.map((item) => schema.parse(item).metadata))
    .map(({ uid, generation }) => `${uid}/${generation}`)
    .toSorted();
}

const mallory = `system:serviceaccount:${NAMESPACE}:mallory`;

describe('a user who may only create plans', () => {
  it('gets neither an SCC, nor another image, ServiceAccount or Secret', async () => {
    const before = await touched();
    await applyAs('mallory', 'takeover', {
      targetSCC: 'anyuid',
      sourceSCC: 'anyuid',
      justification: 'aaaaaaaaaaaaaaaaaaaaaaaa',
      serviceAccountName: 'catalog',
      podSecurity: {
        patch: {
          spec: {
            volumes: [{ name: 'stolen', secret: { secretName: 'db' } }],
            containers: [{ name: 'app', image: 'evil:1', volumeMounts: [{ name: 'stolen', mountPath: '/stolen' }] }],
          },
        },
      },
    });
    const { violations = [] } = await untilPhase('takeover', 'Rejected');
    expect(violations.filter(({ code }) => code === 'AuthorLacksRight').map(({ message }) => message)).toContain(
      `${mallory} may not update deployments.apps/ledger in ${NAMESPACE}, and the plan would do it in their name`,
    );
    expect(await touched()).toEqual(before);
    expect(await remains()).toEqual([]);
  });

  it('is told which right is missing and who can give it, when the plan only narrows', async () => {
    const before = await touched();
    await applyAs('mallory', 'narrowing', {});
    const { violations = [] } = await untilPhase('narrowing', 'Rejected');
    expect(violations).toEqual([
      expect.objectContaining({
        code: 'AuthorLacksRight',
        field: 'spec.workloadRef',
        remedy: expect.stringContaining(`an administrator of ${NAMESPACE} grant ${mallory} the verb update`) as unknown,
      }),
    ]);
    expect(await touched()).toEqual(before);
  });

  it('does not pass for another user by writing the record of the author', async () => {
    const metadata = { name: 'forged', namespace: NAMESPACE, annotations: { [AUTHOR_ANNOTATION]: 'admin' } };
    const spec = { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' };
    await (await clientOf('mallory')).create(PLANS, { ...PLAN_TYPE, metadata, spec });
    const { violations = [] } = await untilPhase('forged', 'Rejected');
    expect(violations[0]?.message).toContain(mallory);
  });
});

describe('any plans of a user who may only create plans', () =>
  mutatedPlans(() => ({ stack, asUser: () => clientOf('mallory') })));

describe('a user who may edit the workload', () => {
  it('needs the approval of another person before their plan brings another image, and nothing is touched meanwhile', async () => {
    const before = await touched();
    await applyAs('edith', 'image', {
      podSecurity: { patch: { spec: { containers: [{ name: 'app', image: 'evil:1' }] } } },
    });
    await until('image', (status) => condition(status, 'Approved')?.status === 'False', 'waiting for its approval');
    expect(await touched()).toEqual(before);
    await (await clientOf('edith')).call('DELETE', `${PLANS}/image`);
  });

  it('narrows it without anything new', async () => {
    await applyAs('edith', 'by-edith', {});
    expect(await untilPhase('by-edith', 'Completed')).not.toHaveProperty('violations', [expect.anything()]);
  });
});

describe('a campaign whose author lacks a right', () => campaigns(() => stack));

describe('a route of another namespace', () => {
  const route = (namespace: string) => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'to-checkout', namespace },
    spec: {
      hosts: ['checkout.neighbour.example'],
      gateways: ['edge'],
      http: [{ route: [{ destination: { host: `checkout.${NAMESPACE}.svc.cluster.local` } }] }],
    },
  });

  it('is written only when that namespace has agreed', async () => {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'neighbour' } };
    await stack.api.create('/api/v1/namespaces', namespace);
    await stack.api.create('/apis/networking.istio.io/v1/namespaces/neighbour/virtualservices', route('neighbour'));
    await apply('neighbour-asked-not', 'checkout', { dryRun: true });
    const { violations = [] } = await untilPhase('neighbour-asked-not', 'Rejected');
    expect(violations).toEqual([
      expect.objectContaining({
        code: 'NamespaceHasNotAgreed',
        message: expect.stringContaining('VirtualService to-checkout in the namespace neighbour') as unknown,
      }),
    ]);
    await stack.api.merge('/api/v1/namespaces/neighbour', { metadata: { labels: { 'scc.poc/managed': 'true' } } });
    await apply('neighbour-agrees', 'checkout', { dryRun: true });
    await untilPhase('neighbour-agrees', 'Completed');
  });
});

describe('the emergency stop', () => {
  const sccctl = sccctlOn(
    () => stack,
    () => stack.stateDir,
  );
  const stop = async (...args: string[]) => {
    const { out, err } = await sccctl('scc-system/admin', '-o', 'json', 'stop', ...args, '--reason', 'the shop is ill');
    if (out === '') throw new Error(err);
    return stopAnswerSchema.parse(JSON.parse(out));
  };
  const PLANS_STOPPED = ['stopped-one', 'stopped-two'];

  it('holds two migrations through a restart of governance, then takes all of them back', async () => {
    const before = await touched();
    const traffic = { mirror: { duration: '0s' }, weights: [10, 100], interval: '10s' };
    await apply('stopped-one', 'checkout', { traffic });
    await apply('stopped-two', 'payments', { traffic });
    for (const name of PLANS_STOPPED) await untilWeight(name, 10);

    const { id, migrations, unreached } = await stop('--namespace', NAMESPACE);
    expect(unreached.filter(({ name }) => PLANS_STOPPED.includes(name))).toEqual([]);
    const told = migrations.map(({ name, did }) => `${name} ${did}`);
    expect(told).toEqual(expect.arrayContaining(PLANS_STOPPED.map((name) => `${name} held`)));
    await stack.part('governance').kill();
    await stack.part('governance').start();
    for (const name of PLANS_STOPPED) {
      const status = await until(name, (now) => condition(now, 'Stopped')?.status === 'True', 'stopped');
      expect(status).toMatchObject({
        weight: 10,
        message: expect.stringContaining(`sccctl stop lift ${id}`) as unknown,
      });
    }

    const everywhere = await stop('--all', '--take-back');
    for (const name of PLANS_STOPPED) await untilPhase(name, 'RolledBack');
    for (const lifted of [everywhere.id, id])
      expect(await sccctl('scc-system/admin', 'stop', 'lift', lifted, '--reason', 'well again')).toMatchObject({
        code: 0,
      });
    expect(await remains()).toEqual([]);
    expect((await touched()).map((object) => object.split('/')[0])).toEqual(
      before.map((object) => object.split('/')[0]),
    );
  });
});

describe('an undo without governance and its database', () => sealedUndo(() => ({ stack, temporal })));

describe('a client that reaches Temporal and nothing else', () => attacks(() => ({ stack, temporal })));

describe('an installation whose PostgreSQL is lost for good', () => lostDatabase(() => ({ stack, temporal })));
