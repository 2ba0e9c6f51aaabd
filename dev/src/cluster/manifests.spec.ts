import type { KubeObject } from '@scc/kube';
import { applyAll } from './manifests.js';

const object = (kind: string): KubeObject => ({ apiVersion: 'v1', kind, metadata: { name: kind.toLowerCase() } });

describe('applying manifests', () => {
  it('grants rights before it makes what is admitted by them', async () => {
    const log: string[] = [];
    const apply = async ({ kind }: KubeObject): Promise<unknown> => {
      log.push(`begin ${kind}`);
      await Promise.resolve();
      log.push(`end ${kind}`);
      return undefined;
    };
    await applyAll({ apply }, ['Deployment', 'RoleBinding', 'ServiceAccount', 'Namespace', 'ClusterRole'].map(object));
    expect(log).toEqual(
      ['Namespace', 'ServiceAccount', 'ClusterRole', 'RoleBinding', 'Deployment'].flatMap((kind) => [
        `begin ${kind}`,
        `end ${kind}`,
      ]),
    );
  });
});
