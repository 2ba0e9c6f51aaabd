import { beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { parseObjects, type StatedObject } from '../cluster/manifests.js';
import { runHelm } from './helm.js';
import { idOf, podsOf } from './objects.fixture.js';
import { renderChart } from './render.js';

/** The chart as those who run clusters need it: their labels, their nodes, drains, upgrades and networks. */

const set = (...values: string[]): string[] => values.flatMap((value) => ['--set', value]);
const TRY = set('tryout=true');
const OWN = set('database.secretName=db', 'database.ownerSecretName=owner', 'temporal.address=temporal:7233');
const render = async (...args: string[]): Promise<StatedObject[]> => parseObjects(await renderChart(args));

// Builds helm where no machine has it yet.
beforeAll(() => runHelm(['version']), 900_000);

const PROCESSES = ['governance', 'worker', 'watcher'];
const JOBS = ['scc-default-sccs', 'scc-migrate', 'scc-uninstall-check'];

const placedSchema = z.looseObject({
  nodeSelector: z.record(z.string(), z.string()).optional(),
  tolerations: z.array(z.looseObject({ key: z.string() })).optional(),
  priorityClassName: z.string().optional(),
});
const templateSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.object({ labels: z.record(z.string(), z.string()), annotations: z.record(z.string(), z.string()) }),
    }),
  }),
});

describe.each([...PROCESSES, 'jobs'])('the values of %s', (group) => {
  const theirs = group === 'jobs' ? JOBS : [group];

  it('say which nodes its Pods run on, and leave the other Pods to the values of all', async () => {
    const pods = podsOf(
      await render(
        ...TRY,
        ...set('scheduling.nodeSelector.pool=all', 'scheduling.priorityClassName=low'),
        ...set(`${group}.scheduling.nodeSelector.disk=ssd`, `${group}.scheduling.tolerations[0].key=infra`),
      ),
    );
    expect(pods.size).toBe(8);
    for (const [name, { spec }] of pods) {
      const isTheirs = theirs.includes(name);
      const { nodeSelector, tolerations, priorityClassName } = placedSchema.parse(spec);
      expect([name, nodeSelector, tolerations, priorityClassName]).toEqual([
        name,
        isTheirs ? { disk: 'ssd' } : { pool: 'all' },
        isTheirs ? [{ key: 'infra' }] : undefined,
        'low',
      ]);
    }
  });

  it('add labels and annotations to its Pods alone, and take none of the chart’s own away', async () => {
    const more = set(`${group}.podLabels.team=payments`, String.raw`${group}.podAnnotations.example\.com/scrape=yes`);
    const [plain, added] = [await render(...TRY), await render(...TRY, ...more)];
    const marksOf = (objects: StatedObject[]) =>
      objects
        .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
        .map((object) => templateSchema.parse(object).spec.template.metadata);
    const [before, after] = [marksOf(plain), marksOf(added)];
    expect(before.length).toBe(8);
    after.forEach(({ labels, annotations }, index) => {
      const old = before[index];
      const isTheirs = theirs.includes((labels['app.kubernetes.io/name'] ?? '').replace(/^scc-(?=gov|wor|wat)/, ''));
      expect(labels).toEqual({ ...old?.labels, ...(isTheirs ? { team: 'payments' } : {}) });
      expect(annotations).toEqual({ ...old?.annotations, ...(isTheirs ? { 'example.com/scrape': 'yes' } : {}) });
    });
    expect(after.filter(({ labels }) => labels['team'] === 'payments').length).toBe(theirs.length);
  });

  it.each([
    [String.raw`podLabels.app\.kubernetes\.io/name=mine`, 'podLabels.app.kubernetes.io/name'],
    [String.raw`podAnnotations.openshift\.io/required-scc=anyuid`, 'podAnnotations.openshift.io/required-scc'],
  ])('set nothing that the chart sets itself: %s', async (value, field) => {
    const said = await renderChart([...TRY, ...set('platform=openshift', `${group}.${value}`)]).then(
      () => 'nothing was refused',
      String,
    );
    expect(said).toMatch(
      new RegExp(`${group}.${field.replaceAll('.', String.raw`\.`)}: is set by the chart itself; leave it out`),
    );
  });
});

it('gives every Job the resources that a quota asks for', async () => {
  const pods = podsOf(
    await render(...TRY, ...set('jobs.resources.limits.cpu=1', 'jobs.resources.limits.memory=300Mi')),
  );
  for (const name of JOBS)
    expect(pods.get(name)?.spec.containers[0]).toMatchObject({ resources: { limits: { cpu: 1, memory: '300Mi' } } });
});

const fixedSchema = z.looseObject({ spec: z.looseObject({ selector: z.unknown().optional() }) });

describe('an upgrade', () => {
  /** Values that are likely to change, each alone. */
  const CHANGES = [
    ...['image.tag=v2', 'image.pullSecrets={pull}', 'image.registry=mirror.example', 'image.pullPolicy=Always'],
    ...['database.secretName=other', 'database.ownerSecretName=other', 'database.ownerRole=other'],
    ...['database.caSecretName=ca', 'database.pool=5', 'scheduling.priorityClassName=high', 'platform=openshift'],
    ...['jobs.resources.limits.memory=1Gi', 'jobs.podLabels.a=b', 'jobs.podAnnotations.a=b'],
    ...['jobs.scheduling.nodeSelector.a=b', 'worker.replicas=3', 'temporal.address=other:7233', 'tryout=true'],
    ...['governance.env.LOG_LEVEL=debug', 'networkPolicies.enabled=false', 'certificates.source=cert-manager'],
  ];
  let before: Map<string, StatedObject>;
  beforeAll(async () => {
    before = new Map((await render(...OWN)).map((object) => [idOf(object), object]));
  });

  it.each(CHANGES)('to %s changes no field that cannot be changed', async (change) => {
    for (const object of await render(...OWN, ...set(change))) {
      const old = before.get(idOf(object));
      if (!old) continue;
      // Another Job has another name; hooks are deleted before they are made again.
      if (object.kind === 'Job' && object.metadata.name !== 'scc-uninstall-check')
        expect(fixedSchema.parse(object).spec).toEqual(fixedSchema.parse(old).spec);
      if (object.kind === 'Deployment')
        expect(fixedSchema.parse(object).spec.selector).toEqual(fixedSchema.parse(old).spec.selector);
      for (const field of ['roleRef', 'type', 'provisioner'])
        expect([idOf(object), object[field]]).toEqual([idOf(old), old[field]]);
    }
  });
});

it('keeps the workers of the release before beside the new ones, of their own image and build alone', async () => {
  const values = ['worker.buildId=v2', 'worker.before.image=scc:v1', 'worker.before.buildId=v1'];
  const objects = await render(...OWN, ...set(...values));
  const workers = objects.filter(
    ({ kind, metadata: { name } }) => kind === 'Deployment' && (name === 'worker' || name === 'worker-before'),
  );
  expect(workers.map(({ metadata: { name } }) => name).sort()).toEqual(['worker', 'worker-before']);
  const [plain] = (await render(...OWN)).filter((one) => one.kind === 'Deployment' && one.metadata.name === 'worker');
  const now = workers.find(({ metadata }) => metadata.name === 'worker');
  expect(fixedSchema.parse(now).spec.selector).toEqual(fixedSchema.parse(plain).spec.selector);
  const differs = (text: string): string =>
    text
      .replace('"worker-before"', '"worker"')
      .replaceAll(/,?"app.kubernetes.io\/component":"before"/g, '')
      .replace('"scc:v1"', '"IMAGE"')
      .replace('"value":"v1"', '"value":"BUILD"');
  const [ours = '', theirs = ''] = [now, workers.find((one) => one !== now)].map((one) => JSON.stringify(one));
  const { image } = z.object({ image: z.string() }).parse(podsOf(objects).get('worker')?.spec.containers[0]);
  expect(differs(theirs)).toBe(
    ours.replace(JSON.stringify(image), '"IMAGE"').replace('"value":"v2"', '"value":"BUILD"'),
  );
  expect(theirs).toContain(
    '"matchLabels":{"app.kubernetes.io/name":"scc-worker","app.kubernetes.io/component":"before"}',
  );
});

it('lets the node of a process be drained that has one Pod alone', async () => {
  const budgetSchema = z.object({ maxUnavailable: z.int().default(0), minAvailable: z.int().default(0) });
  for (const replicas of [1, 2, 3]) {
    const objects = await render(...TRY, ...set(...PROCESSES.map((name) => `${name}.replicas=${replicas}`)));
    const budgets = objects.filter(({ kind }) => kind === 'PodDisruptionBudget');
    expect(budgets.length).toBe(PROCESSES.length);
    for (const { spec } of budgets) {
      const { maxUnavailable, minAvailable } = z.looseObject(budgetSchema.shape).parse(spec);
      expect(minAvailable > 0 ? replicas - minAvailable : maxUnavailable).toBeGreaterThan(0);
    }
  }
});

it('ends and removes every hook', async () => {
  const hooks = (await render(...TRY)).filter(({ metadata }) =>
    Object.keys(z.record(z.string(), z.string()).prefault({}).parse(metadata.annotations)).includes('helm.sh/hook'),
  );
  expect(hooks.length).toBeGreaterThan(0);
  for (const { metadata, spec } of hooks) {
    expect(metadata).toMatchObject({
      annotations: { 'helm.sh/hook-delete-policy': expect.stringContaining('before-hook-creation') },
    });
    expect(spec).toMatchObject({ activeDeadlineSeconds: expect.any(Number) });
  }
});

describe('the network policies', () => {
  const ruleSchema = z.looseObject({
    ports: z.array(z.looseObject({ port: z.unknown() })),
    from: z.unknown().optional(),
  });
  const policySchema = z.looseObject({
    ingress: z.array(ruleSchema).default([]),
    egress: z.array(ruleSchema).default([]),
  });
  const policyOf = async (name: string, ...values: string[]) => {
    const object = (await render(...TRY, ...set(...values))).find(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === name,
    );
    return policySchema.parse(object?.['spec']);
  };
  const HOSTS = { namespaceSelector: { matchLabels: { 'policy-group.network.openshift.io/host-network': '' } } };

  it('let the hosts of OpenShift call the webhook, which OVN shows with addresses of Pods', async () => {
    const { ingress } = await policyOf('scc-webhook-from-api-server', 'platform=openshift');
    expect(ingress[0]?.from).toEqual(expect.arrayContaining([HOSTS]));
    expect(JSON.stringify(ingress[0]?.from)).toContain('kube-apiserver-operator');
    const kubernetes = await policyOf('scc-webhook-from-api-server');
    expect(JSON.stringify(kubernetes.ingress[0]?.from)).not.toContain('openshift');
  });

  it('let everybody call the webhook where they are told to', async () => {
    const { ingress } = await policyOf('scc-webhook-from-api-server', 'networkPolicies.openWebhook=true');
    expect(ingress).toEqual([{ ports: [{ port: 'webhook' }] }]);
  });

  it('know the ports of an API server that listens elsewhere', async () => {
    const { egress } = await policyOf('scc-to-cluster-and-temporal', 'networkPolicies.apiServerPorts={443,8443}');
    expect(egress).toEqual(expect.arrayContaining([{ ports: [{ port: 443 }, { port: 8443 }] }]));
  });
});
