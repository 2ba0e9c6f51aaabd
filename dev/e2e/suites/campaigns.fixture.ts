import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  CAMPAIGN_TYPE,
  CAMPAIGN_UID_ANNOTATION,
  type CampaignSpecInput,
  type CampaignStatus,
  campaignStatusSchema,
  PLAN_TYPE,
  plansPath,
} from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { type ClusterApi, type Stack, startLoad, waitForAnswers } from '../../src/index.js';
import { sccctlOn } from '../sccctl.fixture.js';

/** A campaign of six workloads, one of them where its author has no rights: that stops the rest until they have some. */

const CAMPAIGNS = `/apis/${CAMPAIGN_TYPE.apiVersion}/sccmigrationcampaigns`;
const RBAC = 'apiVersion: rbac.authorization.k8s.io/v1';
const TIMEOUT_MS = 240_000;

const served = (namespace: string, name: string): string => `
{ apiVersion: v1, kind: ServiceAccount, metadata: { name: ${name}, namespace: ${namespace} } }
---
${RBAC}
kind: RoleBinding
metadata: { name: ${name}-anyuid, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:openshift:scc:anyuid' }
subjects: [{ kind: ServiceAccount, name: ${name}, namespace: ${namespace} }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace}, labels: { fleet: one } }
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  strategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      terminationGracePeriodSeconds: 10
      containers:
        - name: app
          image: scc.poc/healthy:1
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 1, timeoutSeconds: 5 }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: [${name}.${namespace}.example]
  gateways: [shop/shop]
  http: [{ retries: { attempts: 0 }, route: [{ destination: { host: ${name}, port: { number: 80 } } }] }]
---`;
const MEMBERS = [
  ['shop', 'fleet-a', 1],
  ['shop', 'fleet-b', 1],
  ['vault', 'fleet-c', 1],
  ['shop', 'fleet-d', 2],
  ['shop', 'fleet-e', 2],
  ['shop', 'fleet-f', 2],
] as const;
const edits = (namespace: string): string => `
${RBAC}
kind: RoleBinding
metadata: { name: fleet-author, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: fleet-edits }
subjects: [{ kind: ServiceAccount, name: fleet-author, namespace: shop }]
---`;
const MANIFESTS = `
apiVersion: v1
kind: Namespace
metadata: { name: vault, labels: { scc.poc/enforce: 'true' } }
---
${MEMBERS.map(([namespace, name]) => served(namespace, name)).join('')}
{ apiVersion: v1, kind: ServiceAccount, metadata: { name: fleet-author, namespace: shop } }
---
{ apiVersion: v1, kind: ServiceAccount, metadata: { name: fleet-approver, namespace: shop } }
---
${RBAC}
kind: ClusterRole
metadata: { name: fleet-edits }
rules: [{ apiGroups: [apps], resources: [deployments], verbs: [get, update, patch] }]
---
${RBAC}
kind: ClusterRole
metadata: { name: fleet-campaigns }
rules: [{ apiGroups: [scc.poc], resources: [sccmigrationcampaigns], verbs: [create, get, patch] }]
---
${RBAC}
kind: ClusterRoleBinding
metadata: { name: fleet-campaigns }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: fleet-campaigns }
subjects:
  - { kind: ServiceAccount, name: fleet-author, namespace: shop }
  - { kind: ServiceAccount, name: fleet-approver, namespace: shop }
---
${edits('shop')}
`;

const SPEC: CampaignSpecInput = {
  workloads: MEMBERS.map(([namespace, name, wave]) => ({ namespace, kind: 'Deployment', name, wave })),
  template: {
    traffic: { mirror: { duration: '0s' }, interval: '0s' },
    gates: { metrics: [], readiness: { timeout: '60s' } },
  },
  maxConcurrent: 3,
  soak: '0s',
  approval: { required: true },
};
const campaignSchema = z.looseObject({
  metadata: z.looseObject({ uid: z.string() }),
  status: campaignStatusSchema.prefault({}),
});
const planSchema = z.looseObject({
  metadata: z.looseObject({ uid: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
});
const entriesSchema = z.array(
  z.looseObject({
    body: z.looseObject({ action: z.string(), actor: z.looseObject({ name: z.string() }) }),
  }),
);
const generationSchema = z.looseObject({ metadata: z.looseObject({ generation: z.int() }) });
const availableSchema = z.looseObject({ status: z.looseObject({ availableReplicas: z.int().default(0) }) });

/** Declares the campaign; the stack is asked for when a test runs. */
export function campaigns(stackOf: () => Stack): void {
  const deployment = (namespace: string, name: string): string =>
    `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  const as = async (name: string): Promise<ClusterApi> =>
    stackOf().apiAs(await stackOf().token({ namespace: 'shop', name }));
  const userOf = (name: string): string => `system:serviceaccount:shop:${name}`;
  const sccctl = sccctlOn(stackOf, () => stackOf().stateDir);

  beforeAll(async () => {
    const stack = stackOf();
    await stack.apply(MANIFESTS);
    for (const [namespace, name] of MEMBERS)
      await waitFor(
        async () =>
          availableSchema.parse(await stack.api.get(deployment(namespace, name))).status.availableReplicas === 1,
        { timeoutMs: 120_000, what: `${namespace}/${name} to be available` },
      );
    await Promise.all(
      MEMBERS.map(([namespace, name]) => waitForAnswers(stack.addresses.ingress, `${name}.${namespace}.example`)),
    );
  }, 240_000);

  async function until(wanted: (status: CampaignStatus) => boolean, what: string): Promise<CampaignStatus> {
    let last: CampaignStatus = {};
    try {
      return await waitFor(
        async () => {
          last = campaignSchema.parse(await stackOf().api.get(`${CAMPAIGNS}/fleet`)).status;
          return wanted(last) ? last : null;
        },
        { timeoutMs: TIMEOUT_MS, everyMs: 200, what },
      );
    } catch (error) {
      throw new Error(`the campaign is not ${what}: ${JSON.stringify(last)}`, { cause: error });
    }
  }
  const plansIn = async (namespace: string, uid: string) =>
    (await stackOf().api.list(plansPath(namespace))).items
      .map((plan) => planSchema.parse(plan))
      .filter(({ metadata }) => metadata.annotations[CAMPAIGN_UID_ANNOTATION] === uid);
  const approve = (by: string, approvals: { wave: number; hash: string | undefined }[]) =>
    as(by).then((api) =>
      api.merge(`${CAMPAIGNS}/fleet`, {
        spec: { approvals: approvals.map((approval) => ({ ...approval, by: userOf(by) })) },
      }),
    );

  describe('a campaign', () => {
    it('moves its waves one after the other, each once approved, and stops where its author has no rights', async () => {
      const { api } = stackOf();
      const author = await as('fleet-author');
      const made = campaignSchema.parse(
        await author.create(CAMPAIGNS, { ...CAMPAIGN_TYPE, metadata: { name: 'fleet' }, spec: SPEC }),
      );
      const { uid } = made.metadata;
      const load = await startLoad(stackOf(), {
        streams: MEMBERS.map(([namespace, name]) => ({
          name,
          via: 'ingress',
          host: `${name}.${namespace}.example`,
          rate: 20,
        })),
      });
      const board = await until(({ message = '' }) => message.includes('waits for the approval'), 'waiting');
      expect(board.waves?.map(({ workloads }) => workloads.map(({ name }) => name))).toEqual([
        ['fleet-a', 'fleet-b', 'fleet-c'],
        ['fleet-d', 'fleet-e', 'fleet-f'],
      ]);
      const approvals = board.waves?.map(({ hash }, at) => ({ wave: at + 1, hash })) ?? [];
      await expect(approve('fleet-author', approvals)).rejects.toThrow('does not approve its waves');
      const vault = generationSchema.parse(await api.get(deployment('vault', 'fleet-c'))).metadata;
      expect(await plansIn('shop', uid)).toEqual([]);
      await approve('fleet-approver', approvals);

      const stopped = await until(({ phase, counts }) => phase === 'Stopped' && counts?.running === 0, 'stopped');
      expect(stopped.counts).toMatchObject({ completed: 2, failed: 1, waiting: 3, running: 0 });
      const failed = stopped.waves?.[0]?.workloads.find(({ state }) => state === 'Failed');
      expect(failed).toMatchObject({
        name: 'fleet-c',
        message: expect.stringContaining('AuthorLacksRight') as unknown,
      });
      expect(failed?.message).toContain(userOf('fleet-author'));
      expect(generationSchema.parse(await api.get(deployment('vault', 'fleet-c'))).metadata).toMatchObject({
        generation: vault.generation,
      });
      expect(await plansIn('shop', uid)).toHaveLength(2);

      await stackOf().apply(edits('vault'));
      await author.merge(`${CAMPAIGNS}/fleet`, { spec: { attempt: 2 } });
      const { counts, progress } = await until(({ phase }) => phase === 'Completed', 'completed');
      expect(counts).toMatchObject({ completed: 6, failed: 0, waiting: 0 });
      expect(progress).toBe('6/6');
      expect(await plansIn('shop', uid)).toHaveLength(5);
      expect(await plansIn('vault', uid)).toHaveLength(2);
      const { total, failures } = await load.stop();
      expect(failures).toEqual([]);
      expect(total.requests).toBeGreaterThan(300);
    }, 480_000);

    it('is shown as a tree of its waves', async () => {
      const { code, out } = await sccctl(null, 'campaign', 'status', 'fleet');
      expect(code).toBe(0);
      for (const [, name] of MEMBERS) expect(out).toContain(name);
      expect((await sccctl(null, 'campaign', 'list')).out).toMatch(/fleet +Completed +2 of 2 +6\/6/);
    });

    it('is in the audit log with who did what', async () => {
      const list = [
        '-o',
        'json',
        'audit',
        'list',
        '--kind',
        'SCCMigrationCampaign',
        '--name',
        'fleet',
        '--limit',
        '100',
      ];
      const said = async (): Promise<string[]> =>
        entriesSchema
          .parse(JSON.parse((await sccctl('scc-system/admin', ...list)).out))
          .map(({ body: { action, actor } }) => `${action} ${actor.name}`)
          .reverse();
      await waitFor(async () => (await said()).at(-1)?.startsWith('campaign.completed'), {
        ...{ timeoutMs: 30_000, everyMs: 500, what: 'the end of the campaign in the log' },
      });
      const governance = 'system:governance';
      // Plans that run when the budget is spent go on: their wave ends before it or after it.
      const spent = `campaign.budgetSpent ${governance}`;
      expect(await said()).toContain(spent);
      expect((await said()).filter((one) => one !== spent)).toEqual([
        `campaign.created ${userOf('fleet-author')}`,
        ...[`campaign.boardMade ${governance}`, `campaign.approvalNeeded ${governance}`],
        ...[`campaign.approved ${userOf('fleet-approver')}`, `campaign.approved ${userOf('fleet-approver')}`],
        ...[`campaign.waveBegun ${governance}`, `campaign.waveEnded ${governance}`],
        `campaign.edited ${userOf('fleet-author')}`,
        ...[`campaign.waveEnded ${governance}`, `campaign.waveBegun ${governance}`],
        ...[`campaign.waveEnded ${governance}`, `campaign.completed ${governance}`],
      ]);
    }, 60_000);

    it('is the only maker of its plans, and the worker makes no others', async () => {
      const annotations = {
        'scc.poc/campaign-name': 'fleet',
        'scc.poc/campaign-uid': 'a',
        'scc.poc/campaign-author': 'admin',
      };
      const spec = { workloadRef: { kind: 'Deployment', name: 'fleet-a' }, targetSCC: 'anyuid' };
      const plan = { ...PLAN_TYPE, metadata: { name: 'forged', namespace: 'shop', annotations }, spec };
      await expect(stackOf().api.create(plansPath('shop'), plan)).rejects.toThrow('for which campaign a plan was made');
      const worker = stackOf().apiAs(await stackOf().token({ namespace: 'scc-system', name: 'worker' }));
      const { annotations: _marks, ...metadata } = plan.metadata;
      await expect(worker.create(plansPath('shop'), { ...plan, metadata })).rejects.toThrow(
        'creates plans for campaigns alone',
      );
    });
  });
}
