import { expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { NAMESPACE, type Engine } from './engine.fixture.js';
import type { Stack } from '../src/index.js';

/**
 * The way by hand that the refusal of a CronJob names, as it is written there.
 * @param running asked at each use: a suite starts its stack after it has named its tests
 * @param plan that was refused
 */
export function wayByHand(running: () => Stack, { read }: Pick<Engine, 'read'>, plan: string): void {
  it('the commands that the refusal of a CronJob writes out move it, and back', async () => {
    const remedy = (await read(plan)).status.violations?.[0]?.remedy ?? '';
    const commands = [...remedy.matchAll(/`([^`]+)`/g)].flatMap(([, command]) => command ?? []);
    const shell = (lines: readonly string[]): Promise<string> => {
      const kubectl = `kubectl() { ${running().binary('kubectl')} --kubeconfig ${running().kubeconfig.inside} "$@"; }`;
      return running().exec('sh', ['-ec', [kubectl, ...lines].join('\n')]);
    };
    const account = { metadata: { name: 'nightly', namespace: NAMESPACE } };
    await running().api.create(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, account);
    await running().api.create(`/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings`, {
      ...account,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:openshift:scc:anyuid' },
      subjects: [{ kind: 'ServiceAccount', name: 'nightly', namespace: NAMESPACE }],
    });
    const container = { name: 'app', image: 'scc.poc/healthy:1' };
    const pod = { serviceAccountName: 'nightly', restartPolicy: 'Never', containers: [container] };
    const jobTemplate = { spec: { template: { spec: pod } } };
    await running().api.create(`/apis/batch/v1/namespaces/${NAMESPACE}/cronjobs`, {
      ...account,
      spec: { schedule: '0 3 * * *', suspend: true, jobTemplate },
    });
    const podsSchema = z.array(
      z.looseObject({ metadata: z.looseObject({ annotations: z.record(z.string(), z.string()) }) }),
    );
    const sccOfRun = async (job: string): Promise<string | undefined> => {
      const pods = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=batch.kubernetes.io/job-name=${job}`;
      const read = async () => podsSchema.parse((await running().api.list(pods)).items);
      await waitFor(async () => (await read()).length > 0, { timeoutMs: 60_000, what: `the pod of ${job}` });
      return (await read())[0]?.metadata.annotations['openshift.io/scc'];
    };
    await shell(commands.slice(0, -1));
    expect(await sccOfRun('nightly-trial')).toBe('restricted-v2');
    const again = commands.slice(-2, -1).map((command) => command.replace('nightly-trial', 'nightly-again'));
    await shell([...commands.slice(-1), ...again]);
    expect(await sccOfRun('nightly-again')).toBe('anyuid');
    await shell([`kubectl -n ${NAMESPACE} delete job nightly-trial nightly-again --wait=false`]);
  });
}
