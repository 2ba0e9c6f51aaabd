import { beforeAll, expect, it } from '@jest/globals';
import type { KubeClient, KubeObject } from '@scc/kube';
import { AUTHOR_ANNOTATION, EDITORS_ANNOTATION, PLAN_TYPE } from '@scc/plan';
import { messageOf, waitFor } from '@scc/runtime';
import type { Stack } from '../../src/index.js';
import { authorsOn } from './authors.fixture.js';
import type { Cluster } from './world.fixture.js';

/** Who wrote a plan, as admission records it from what a real API server tells it of its callers. */

const NAMESPACE = 'recorded';
const walker = { user: 'walker', groups: ['system:masters'] };

/** The configurations by which the API server asks admission. */
const HOOKS = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'].map((kind) => ({
  ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind, name: 'scc-webhook' },
}));

/** Takes admission away. @returns what installs it again */
export async function withoutAdmission(admin: KubeClient): Promise<() => Promise<void>> {
  const found: KubeObject[] = [];
  for (const id of HOOKS) {
    const hook = await admin.get(id);
    if (hook) found.push(hook);
    await admin.delete(id);
  }
  return async () => {
    for (const { metadata, ...hook } of found) {
      const { name = '', labels = {} } = metadata;
      await admin.create({ ...hook, metadata: { name, labels } });
    }
  };
}

export function recordsOfAuthors(on: () => { stack: Stack; cluster: Cluster }): void {
  const { planBy } = authorsOn(() => ({ ...on(), world: { namespace: NAMESPACE } }));
  const idOf = (name: string) => ({ ...PLAN_TYPE, namespace: NAMESPACE, name });
  beforeAll(() => on().cluster.admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }));

  it('whoever cannot be recorded unmistakably is refused, and another account is taken', async () => {
    const refused = planBy({ ...walker, extra: { note: ['a\tb'] } }, 'unrecorded');
    await expect(refused).rejects.toThrow(/cannot be recorded unmistakably: .* Use another account/);
    await planBy(walker, 'unrecorded');
    expect((await on().cluster.admin.get(idOf('unrecorded')))?.metadata.annotations).toMatchObject({
      [AUTHOR_ANNOTATION]: 'walker',
    });
  });

  it('a plan that too many have edited is deleted and created again', async () => {
    const { stack, cluster } = on();
    const kubectl = `'${stack.binary('kubectl')}' --kubeconfig '${stack.kubeconfig.inside}' -n ${NAMESPACE} --as walker --as-group system:masters`;
    const edit = (justification: string): Promise<string> =>
      stack.exec('sh', [
        '-euc',
        `${kubectl} patch sccmigrationplan crowded --type merge -p '${JSON.stringify({ spec: { justification } })}'`,
      ]);
    const install = await withoutAdmission(cluster.admin);
    const editors = Array.from({ length: 100 }, (_none, at) => `editor-${at}`).join('\n');
    await cluster.admin.create({
      ...PLAN_TYPE,
      metadata: { namespace: NAMESPACE, name: 'crowded', annotations: { [EDITORS_ANNOTATION]: editors } },
      spec: { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'nonroot-v2' },
    });
    await install();
    let tries = 0;
    // The API server learns of its webhooks a moment later.
    const refusal = await waitFor(() => edit(`edit ${(tries += 1)}`).then(() => null, messageOf), {
      ...{ timeoutMs: 30_000, everyMs: 500, what: 'admission to be asked' },
    });
    expect(refusal).toMatch(/more than 100 people edited this plan\. Delete the plan and create it again/);
    await cluster.admin.delete(idOf('crowded'));
    await planBy(walker, 'crowded');
    await edit('created again');
  });
}
