import { afterEach, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { defaultSCCs } from '@scc/scc';
import { issueLeaf } from '@scc/tls';
import { objectReview, startTestAdmission, type TestAdmission } from './admission.fixture.js';

const running: TestAdmission[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((webhook) => webhook.stop()));
});

describe('what is noted of a review of a workload or an SCC', () => {
  it('is who wrote a template or an SCC that is let pass and kept', async () => {
    const webhook = await startTestAdmission({ checksClients: true });
    running.push(webhook);
    const life = { usage: 'client', now: new Date(), lifeMs: 60_000 } as const;
    const as = await issueLeaf(webhook.authority, { names: ['kube-apiserver'], ...life });
    const template = { metadata: {}, spec: { containers: [{ name: 'app', image: 'ledger:2' }] } };
    const metadata = { name: 'ledger', namespace: 'shop' };
    const before = { metadata, spec: { template: { ...template, metadata: { labels: { app: 'a' } } } } };
    const object = { metadata, spec: { template } };
    const userInfo = { username: 'ana' };
    const edit = (over: object) =>
      objectReview(['apps', 'v1', 'Deployment', 'deployments'], { operation: 'UPDATE', userInfo, ...over });
    await webhook.post('/validate/workloads', edit({ object, oldObject: before }));
    await webhook.post('/validate/workloads', edit({ object, oldObject: before, dryRun: true }), { as });
    await webhook.post('/validate/workloads', edit({ object, oldObject: object }), { as });
    await webhook.post('/validate/workloads', edit({ object, oldObject: before }), { as });
    await waitFor(() => webhook.writes.length > 0, { timeoutMs: 2000, what: 'the write' });
    const written = { namespace: 'shop', kind: 'Deployment', name: 'ledger', by: 'ana' };
    expect(webhook.writes).toMatchObject([written]);
    const scc = defaultSCCs().find(({ metadata: { name } }) => name === 'restricted-v2');
    const about = { name: 'restricted-v2', namespace: null, userInfo, object: scc };
    const kind = ['security.openshift.io', 'v1', 'SecurityContextConstraints', 'securitycontextconstraints'] as const;
    await webhook.post('/validate/grants', objectReview(kind, about), { as });
    await waitFor(() => webhook.writes.length > 1, { timeoutMs: 2000, what: 'the write of the SCC' });
    expect(webhook.writes[1]).toMatchObject({
      namespace: '',
      kind: 'SecurityContextConstraints',
      name: 'restricted-v2',
    });
  });
});
