import { beforeAll, describe, expect, it } from '@jest/globals';
import { kindViolation, PLAN_TYPE, type PlanStatus } from '@scc/plan';
import { z } from 'zod';
import { KubeError } from '@scc/kube';
import type { Stack } from '../../src/index.js';

const PLANS = `/apis/${PLAN_TYPE.apiVersion}/namespaces/default/sccmigrationplans`;
const planSchema = z.looseObject({ status: z.unknown().optional() });

/** The rules of the API server itself, with the CRD alone, about the status of a plan. */
export function planStatus(stackOf: () => Stack): void {
  let stack: Stack;
  beforeAll(() => {
    stack = stackOf();
  });

  const create = (name: string, over: object = {}) => {
    const spec = { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2', ...over };
    return stack.api.create(PLANS, { ...PLAN_TYPE, metadata: { namespace: 'default', name }, spec });
  };
  const write = async (name: string, status: PlanStatus | null): Promise<string> => {
    const { status: _before, ...plan } = planSchema.parse(await stack.api.get(`${PLANS}/${name}`));
    try {
      await stack.api.call('PUT', `${PLANS}/${name}/status`, { ...plan, ...(status ? { status } : {}) });
      return 'written';
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      return `${error.status} ${error.message}`;
    }
  };

  describe('a plan by its CRD alone', () => {
    it('has a status that never becomes older', async () => {
      await create('older');
      expect(await write('older', { phase: 'TrafficShifting', sequence: 7 })).toBe('written');
      expect(await write('older', { phase: 'Migrating', sequence: 7 })).toBe('written');
      expect(await write('older', { phase: 'Mirroring', sequence: 6 })).toMatch(/^422 .*greater sequence/s);
      expect(await write('older', { phase: 'Mirroring' })).toMatch(/^422 .*greater sequence/s);
      expect(await write('older', { phase: 'Failed', sequence: 8 })).toBe('written');
      expect(await write('older', { phase: 'RolledBack', sequence: 9 })).toBe('written');
    });

    it.each(['Completed', 'RolledBack', 'Rejected'] as const)('stays %s for good', async (phase) => {
      const name = `stays-${phase.toLowerCase()}`;
      await create(name);
      expect(await write(name, { phase, sequence: 3 })).toBe('written');
      expect(await write(name, { phase: 'TrafficShifting', sequence: 4 })).toMatch(/^422 .*never changes/s);
      expect(await write(name, { sequence: 4 })).toMatch(/^422 .*never changes/s);
      expect(await write(name, { phase, sequence: 4, message: 'more is known' })).toBe('written');
    });

    it('has a canary of a size that is a word or a number', async () => {
      await create('by-word', { canary: { replicas: 'Weight' } });
      await create('by-number', { canary: { replicas: 3 } });
      for (const replicas of ['Half', 0, 10_001])
        await expect(create('by-mistake', { canary: { replicas } })).rejects.toThrow(/Full, Weight or a number/);
    });

    it.each([
      ['v1', 'Pod', 'a bare Pod: what it runs under'],
      ['batch/v1', 'Job', 'a Job: its pod template cannot be changed'],
      ['apps/v1', 'ReplicaSet', 'a bare ReplicaSet'],
      ['v1', 'ReplicationController', 'a ReplicationController'],
      ['apps.openshift.io/v1', 'DeploymentConfig', 'a DeploymentConfig'],
      ['argoproj.io/v1alpha1', 'Rollout', 'a Rollout of Argo Rollouts'],
      ['serving.knative.dev/v1', 'Service', 'a Knative Service'],
    ])('says of a %s %s what to do by hand', async (apiVersion, kind, words) => {
      const { code, field, message, remedy } = kindViolation({ kind, name: 'ledger' }, 'restricted-v2') ?? {};
      expect(message).toContain(words);
      const made = create('by-kind', { workloadRef: { apiVersion, kind, name: 'ledger' } });
      await expect(made).rejects.toMatchObject({ status: 422 });
      await expect(made).rejects.toThrow(`${field}: Forbidden: ${code}: ${message}. Remedy: ${remedy}`);
    });

    it.each([
      [{ kind: 'Widget', name: 'ledger' }, /spec.workloadRef.kind: Forbidden: a plan moves a Deployment/],
      [{ apiVersion: 'apps/v2', kind: 'Deployment', name: 'ledger' }, /spec.workloadRef.apiVersion: .*apps\/v1/],
    ])('refuses %j', async (workloadRef, message) => {
      await expect(create('by-word', { workloadRef })).rejects.toThrow(message);
    });

    it('has a status that is never removed', async () => {
      await create('removed');
      expect(await write('removed', { phase: 'Mirroring' })).toBe('written');
      expect(await write('removed', null)).toMatch(/^422 .*never removed/s);
    });
  });
}
