import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { grantOf } from './cluster.fixture.js';
import { aPod, patched, podReview, startTestAdmission, type TestAdmission } from './admission.fixture.js';

let webhook: TestAdmission;
beforeAll(async () => {
  webhook = await startTestAdmission({ objects: [grantOf('anyuid', 'root')] });
});
afterAll(() => webhook.stop());

describe('pods on plain Kubernetes', () => {
  it('are admitted under the SCC that fits, with its defaults', async () => {
    const pod = aPod();
    const answer = await webhook.post('/mutate/pods?timeout=3s', podReview(pod));
    expect(answer.json?.response).toMatchObject({ allowed: true, patchType: 'JSONPatch' });
    expect(patched(pod, answer)).toMatchObject({
      metadata: {
        annotations: {
          'openshift.io/scc': 'restricted-v2',
          'security.openshift.io/validated-scc-subject-type': 'user',
        },
      },
      spec: {
        securityContext: { fsGroup: 1000680000, seLinuxOptions: { level: 's0:c26,c15' } },
        containers: [{ securityContext: { runAsUser: 1000680000, capabilities: { drop: ['ALL'] } } }],
      },
    });
  });

  it("are refused in OpenShift's words, with remedies", async () => {
    const pod = aPod({ spec: { containers: [{ name: 'app', securityContext: { runAsUser: 0 } }] } });
    const { json } = await webhook.post('/mutate/pods', podReview(pod));
    expect(json?.response).toMatchObject({ allowed: false, status: { code: 403, reason: 'Forbidden' } });
    expect(json?.response.status?.message).toMatch(/^unable to validate against any security context constraint: \[/);
    expect(json?.response.warnings?.[0]).toMatch(
      /^for restricted-v2: spec\.containers\[0\]\.securityContext\.runAsUser/,
    );
  });

  it('follow grants as they come and go', async () => {
    const pod = aPod({
      spec: { serviceAccountName: 'late', containers: [{ name: 'app', securityContext: { runAsUser: 0 } }] },
    });
    expect((await webhook.post('/mutate/pods', podReview(pod))).json?.response.allowed).toBe(false);
    webhook.cluster.put(grantOf('anyuid', 'late'));
    const granted = await webhook.post('/mutate/pods', podReview(pod));
    expect(patched(pod, granted).metadata).toMatchObject({ annotations: { 'openshift.io/scc': 'anyuid' } });
    webhook.cluster.remove('RoleBinding', 'shop/late-anyuid');
    expect((await webhook.post('/mutate/pods', podReview(pod))).json?.response.allowed).toBe(false);
  });

  it('need nothing more once they are mutated, and pass the validating hook', async () => {
    const pod = aPod({ spec: { serviceAccountName: 'root' } });
    const once = patched(pod, await webhook.post('/mutate/pods', podReview(pod)));
    const again = await webhook.post('/mutate/pods', podReview(once));
    expect(again.json?.response).toMatchObject({ allowed: true });
    expect(again.json?.response.patch).toBeUndefined();
    expect((await webhook.post('/validate/pods', podReview(once))).json?.response.allowed).toBe(true);
  });

  it('are refused by the validating hook when they were not defaulted', async () => {
    const { json } = await webhook.post('/validate/pods', podReview(aPod()));
    expect(json?.response).toMatchObject({ allowed: false, status: { code: 403 } });
  });
});
