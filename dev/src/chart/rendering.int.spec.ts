import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { defaultSCCs } from '@scc/scc';
import { z } from 'zod';
import { withEntries } from '../cluster/installation.js';
import type { StatedObject } from '../cluster/manifests.js';
import { readObjects } from '../cluster/manifests.js';
import { idOf, podsOf, rightsOf, type Right } from './objects.fixture.js';
import { PLATFORMS, RENDERED, type Platform } from '../cluster/places.js';

const rendered = new Map<Platform, StatedObject[]>();
const objectsOf = (platform: Platform): StatedObject[] => rendered.get(platform) ?? [];
beforeAll(async () => {
  for (const platform of PLATFORMS)
    rendered.set(
      platform,
      (await readObjects(path.join(RENDERED, platform))).filter(({ kind }) => kind !== 'Kustomization'),
    );
});

const touches = (right: Right, group: string, resource: string): boolean =>
  right.apiGroups.includes(group) && right.resources.includes(resource);
/** Kept for the material of undos alone. */
const UNDO = 'scc-undo';
const ACCOUNTS = ['governance', 'worker', 'watcher'];

describe.each(PLATFORMS)('the rendering for %s', (platform) => {
  it('names no object twice', () => {
    const ids = objectsOf(platform).map(idOf);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('keeps every CRD when it is uninstalled', () => {
    const crds = objectsOf(platform).filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(crds.length).toBeGreaterThan(0);
    for (const { metadata } of crds)
      expect(metadata).toMatchObject({ annotations: { 'helm.sh/resource-policy': 'keep' } });
  });

  it.each(ACCOUNTS)('lets %s mint no token, create no Secret but those of an undo, and escalate nothing', (account) => {
    const rights = rightsOf(objectsOf(platform), account);
    expect(rights.length).toBeGreaterThan(0);
    for (const right of rights) {
      expect([...right.apiGroups, ...right.resources, ...right.verbs]).not.toContain('*');
      expect(right.resources).not.toContain('serviceaccounts/token');
      expect(right.verbs).not.toContain('escalate');
    }
    const secrets = rights.filter((right) => touches(right, '', 'secrets'));
    for (const right of secrets.filter(({ namespace }) => namespace !== UNDO)) {
      expect(right.verbs).not.toContain('create');
      expect(right).toMatchObject({ resourceNames: expect.any(Array), namespace: 'scc-system' });
    }
    const ofUndo = secrets.filter(({ namespace }) => namespace === UNDO).map(({ verbs }) => verbs);
    expect(ofUndo).toEqual(account === 'worker' ? [['create', 'get', 'delete']] : []);
  });

  it('lets the worker bind ClusterRoles of SCCs, hold no SCC, and speak for the identity of dry runs alone', () => {
    const rights = rightsOf(objectsOf(platform), 'worker');
    const naming = (verb: string) =>
      rights
        .filter(({ verbs }) => verbs.includes(verb))
        .map(({ resources, resourceNames }) => ({ resources, resourceNames }));
    expect(naming('use')).toEqual([]);
    expect(naming('impersonate')).toEqual([{ resources: ['serviceaccounts'], resourceNames: ['dry-run'] }]);
    const [bound, ...more] = naming('bind');
    expect(more).toEqual([]);
    expect(bound?.resources).toEqual(['clusterroles']);
    expect(bound?.resourceNames?.length).toBe(defaultSCCs().length);
    expect(bound?.resourceNames?.filter((name) => !name.startsWith('system:openshift:scc:'))).toEqual([]);
    expect(rightsOf(objectsOf(platform), 'dry-run')).toMatchObject([{ resources: ['pods'], verbs: ['create'] }]);
  });

  it('lets governance change its own webhook configurations and no others', () => {
    const changing = rightsOf(objectsOf(platform), 'governance').filter(
      ({ apiGroups, verbs }) =>
        apiGroups.includes('admissionregistration.k8s.io') && verbs.some((verb) => !['list', 'watch'].includes(verb)),
    );
    expect(changing.map(({ resourceNames, verbs }) => ({ resourceNames, verbs }))).toEqual([
      { resourceNames: ['scc-webhook'], verbs: ['patch'] },
    ]);
  });

  it('lets the worker write no kind of workload that is not migrated, and see every route of the Gateway API', () => {
    const rights = rightsOf(objectsOf(platform), 'worker');
    // A pod that may move by itself is deleted, and made again by its controller.
    const READS = ['get', 'list', 'watch'];
    for (const [kind, harmless] of [
      ['controllerrevisions', READS],
      // A trial run of a CronJob is a Job of its own.
      ['jobs', [...READS, 'create', 'delete']],
      ['cronjobs', [...READS, 'patch']],
      ['replicasets', READS],
      ['pods', [...READS, 'delete']],
    ] as const)
      expect(
        rights.filter(
          (right) => right.resources.includes(kind) && right.verbs.some((verb) => !harmless.includes(verb)),
        ),
      ).toEqual([]);
    const verbsOn = (kind: string): string[] =>
      rights.filter((right) => touches(right, 'gateway.networking.k8s.io', kind)).flatMap(({ verbs }) => verbs);
    // The rights of scans are among those of facts.
    const ofGateways = (kind: string): string[] => [...new Set(verbsOn(kind))].sort();
    for (const kind of ['httproutes', 'grpcroutes']) expect(ofGateways(kind)).toEqual(['get', 'list', 'patch']);
    for (const kind of ['tcproutes', 'tlsroutes']) expect(ofGateways(kind)).toEqual(['list']);
  });

  it('runs Pods that Pod Security `restricted` and restricted-v2 admit, with a read-only root', () => {
    const pods = podsOf(objectsOf(platform));
    const sccs = platform === 'kubernetes' ? ['scc-default-sccs'] : [];
    expect([...pods.keys()].sort()).toEqual(['governance', ...sccs, 'scc-migrate', 'watcher', 'worker']);
    for (const { annotations, spec } of pods.values()) {
      expect(spec.automountServiceAccountToken).toBe(false);
      expect(spec.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const container of spec.containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources).toMatchObject({ requests: expect.anything(), limits: expect.anything() });
      }
      expect(annotations['openshift.io/required-scc']).toBe(platform === 'openshift' ? 'restricted-v2' : undefined);
    }
  });

  it('gives the password of the owner of the tables to the migration alone', () => {
    const holders = [...podsOf(objectsOf(platform))].filter(([, { spec }]) =>
      JSON.stringify(spec).includes('scc-database-owner'),
    );
    expect(holders.map(([name]) => name)).toEqual(['scc-migrate']);
  });

  it('mounts every folder that the environment names', () => {
    for (const { spec } of podsOf(objectsOf(platform)).values())
      for (const { env, volumeMounts } of spec.containers)
        for (const { name, value } of env.filter((variable) => /_(FILE|DIR)$/.test(variable.name)))
          expect([name, volumeMounts.some(({ mountPath }) => value?.startsWith(mountPath))]).toEqual([name, true]);
  });

  it('asks for a token of governance for the worker alone, and for one of the API server for each process', () => {
    const source = z.looseObject({
      serviceAccountToken: z.looseObject({ audience: z.string().optional() }).optional(),
    });
    const projected = z.looseObject({ projected: z.looseObject({ sources: z.array(source) }).optional() });
    const audiences = [...podsOf(objectsOf(platform))].map(([name, { spec }]) => [
      name,
      spec.volumes
        .flatMap((volume) => projected.parse(volume).projected?.sources ?? [])
        .flatMap(({ serviceAccountToken }) =>
          serviceAccountToken ? [serviceAccountToken.audience ?? 'the API server'] : [],
        ),
    ]);
    expect(Object.fromEntries(audiences)).toEqual({
      ...(platform === 'kubernetes' ? { 'scc-default-sccs': ['the API server'] } : {}),
      governance: ['the API server'],
      worker: ['the API server', 'scc-governance'],
      watcher: ['the API server'],
      'scc-migrate': [],
    });
  });

  it('never asks the webhook about Pods of the system or of the product itself', () => {
    const hook = z.looseObject({
      name: z.string(),
      timeoutSeconds: z.number(),
      matchConditions: z.array(z.looseObject({ name: z.string() })).default([]),
      namespaceSelector: z
        .looseObject({ matchExpressions: z.array(z.looseObject({ key: z.string(), values: z.array(z.string()) })) })
        .optional(),
    });
    const hooks = withEntries(objectsOf(platform)).flatMap((object) => z.array(hook).parse(object['webhooks']));
    expect(hooks.length).toBeGreaterThan(5);
    for (const { name, timeoutSeconds, namespaceSelector, matchConditions } of hooks) {
      expect(timeoutSeconds).toBeLessThanOrEqual(3);
      if (!/^(pods|exec|workloads|grants)\./.test(name)) continue;
      const exempt = namespaceSelector?.matchExpressions.find(
        ({ key }) => key === 'kubernetes.io/metadata.name',
      )?.values;
      expect([name, exempt]).toEqual([name, expect.arrayContaining(['scc-system', 'kube-system', 'default'])]);
      expect([name, matchConditions.map((condition) => condition.name)]).toEqual([
        name,
        expect.arrayContaining(['not-of-a-system-namespace']),
      ]);
    }
  });

  it('installs webhook configurations without entries, which are governance’s', () => {
    const configurations = objectsOf(platform).filter(({ kind }) => kind.endsWith('WebhookConfiguration'));
    expect(configurations.map((object) => [idOf(object), 'webhooks' in object])).toEqual([
      ['MutatingWebhookConfiguration scc-webhook', false],
      ['ValidatingWebhookConfiguration scc-webhook', false],
    ]);
  });
});

/** The name of a Job tells its versions apart. */
const stableId = (object: StatedObject): string => idOf(object).replace(/ (scc-migrate|scc-default-sccs)-.*/, ' $1');

describe('what OpenShift owns', () => {
  const isOpenShifts = ({ kind, metadata: { name } }: StatedObject): boolean =>
    kind === 'SecurityContextConstraints' ||
    name.endsWith('.security.openshift.io') ||
    name.startsWith('system:openshift:');

  it('is rendered for plain Kubernetes and never for OpenShift', () => {
    expect(objectsOf('kubernetes').filter(isOpenShifts).length).toBeGreaterThan(10);
    expect(objectsOf('openshift').filter(isOpenShifts).map(idOf)).toEqual([]);
  });

  it('is all that a cluster of the other kind lacks, beside what it does itself', () => {
    const ids = new Set(objectsOf('openshift').map(stableId));
    const missing = objectsOf('kubernetes').filter((object) => !ids.has(stableId(object)) && !isOpenShifts(object));
    // Certificates come from service-ca there, ids of namespaces and SCCs from OpenShift.
    expect(missing.map(stableId).sort()).toEqual([
      'ClusterRole scc-orchestrator-default-sccs',
      'ClusterRoleBinding scc-orchestrator-default-sccs',
      'ConfigMap scc-system scc-uid-blocks',
      'Job scc-system scc-default-sccs',
      'Secret scc-system scc-webhook-tls',
      'ServiceAccount scc-system default-sccs',
      'ValidatingAdmissionPolicy governance-confinement.scc.poc',
      'ValidatingAdmissionPolicyBinding governance-confinement.scc.poc',
    ]);
    const before = new Set(objectsOf('kubernetes').map(stableId));
    expect(
      objectsOf('openshift')
        .map(stableId)
        .filter((id) => !before.has(id)),
    ).toEqual(['ConfigMap scc-system governance-ca']);
  });
});
