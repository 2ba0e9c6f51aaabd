import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { type Stack, TOKEN_AUDIENCE } from '../../src/index.js';
import { aPod, createNamespace, createPod, enforcedNamespace, refusalOf } from '../../src/webhook.fixture.js';

let stack: Stack;
let token: string;

const tls = (name: string): string => path.join(stack.stateDir, 'tls', name);
const curl = (...args: string[]): Promise<string> =>
  stack.exec('curl', ['--silent', '--show-error', '--fail-with-body', '--cacert', tls('ca.crt'), ...args]);

const pageSchema = z.object({
  items: z.array(z.looseObject({ name: z.string(), scc: z.string().nullable(), confirmed: z.boolean() })),
});
type Tracked = z.infer<typeof pageSchema>['items'][number];

/** Tracking's knowledge of a pod by its name; `confirmed` when the cluster showed it, and not admission alone. */
async function tracked(name: string): Promise<Tracked | undefined> {
  const page = await curl('-H', `authorization: Bearer ${token}`, 'https://127.0.0.1:9443/v1/pods?namespace=hints');
  return pageSchema.parse(JSON.parse(page)).items.find((pod) => pod.name === name);
}
const becomesTracked = (name: string): Promise<Tracked> =>
  waitFor(() => tracked(name), { timeoutMs: 20_000, what: `${name} to be tracked` });

async function hints(): Promise<number> {
  const metrics = await curl('http://127.0.0.1:9101/metrics');
  return Number(/^scc_webhook_pod_hints_total (\d+)$/m.exec(metrics)?.[1]);
}

/** Refuses every pod of the namespace after all webhooks were asked. */
const quota = '/api/v1/namespaces/hints/resourcequotas';

export function hintsOfPods(stackOf: () => Stack): void {
  beforeAll(async () => {
    stack = stackOf();
    await stack.api.create('/api/v1/namespaces/scc-system/serviceaccounts', { metadata: { name: 'admin' } });
    token = await stack.token({ namespace: 'scc-system', name: 'admin' }, TOKEN_AUDIENCE);
    await createNamespace(stack, enforcedNamespace('hints'));
  }, 180_000);

  describe('hints of admission about pods', () => {
    it('are taken from the API server, before and without the cluster showing the pod', async () => {
      await stack.api.create(quota, { metadata: { name: 'none' }, spec: { hard: { pods: '0' } } });
      let tries = 0;
      const refused = await waitFor(() => refusalOf(createPod(stack, aPod('hints', `unborn-${(tries += 1)}`))), {
        timeoutMs: 20_000,
        what: 'the quota to be in force',
      });
      expect(refused).toMatch(/quota/);
      const unborn = `unborn-${tries}`;
      expect(await becomesTracked(unborn)).toMatchObject({ scc: 'restricted-v2', confirmed: false });
      await stack.api.call('DELETE', `${quota}/none`);
      const born = (): Promise<boolean> => refusalOf(createPod(stack, aPod('hints', 'born'))).then((why) => !why);
      await waitFor(born, { timeoutMs: 20_000, what: 'the quota to be gone' });
      await waitFor(async () => (await tracked('born'))?.confirmed, { timeoutMs: 20_000, what: 'the pod to be seen' });
      expect(await tracked(unborn)).toMatchObject({ confirmed: false });
    }, 90_000);

    it('are not taken from dry runs', async () => {
      const before = await hints();
      await createPod(stack, aPod('hints', 'tried'), '?dryRun=All');
      expect(await refusalOf(stack.api.get('/api/v1/namespaces/hints/pods/tried'))).toContain(' 404 ');
      await createPod(stack, aPod('hints', 'made'));
      await becomesTracked('made');
      expect(await hints()).toBe(before + 1);
      expect(await tracked('tried')).toBeUndefined();
    }, 60_000);

    it.each<[string, () => string[]]>([
      ['without a certificate', () => []],
      ['with one of another authority', () => ['--cert', tls('tls.crt'), '--key', tls('tls.key')]],
    ])(
      'are not taken from a caller %s, who gets an answer all the same',
      async (how, credentials) => {
        const [forged, genuine] = ['forged', 'genuine'].map((name) => `${name}-${how.split(' ', 1)[0]}-${how.length}`);
        await createPod(stack, aPod('hints', genuine!));
        await becomesTracked(genuine!);
        const before = await hints();
        const text = JSON.stringify(await stack.api.get(`/api/v1/namespaces/hints/pods/${genuine!}`));
        const pod = JSON.parse(text.replaceAll(genuine!, forged!)) as { metadata: object };
        const review = {
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          request: {
            uid: 'forged',
            kind: { group: '', version: 'v1', kind: 'Pod' },
            resource: { group: '', version: 'v1', resource: 'pods' },
            namespace: 'hints',
            operation: 'CREATE',
            userInfo: { username: 'system:admin', groups: ['system:masters', 'system:authenticated'] },
            object: { ...pod, metadata: { ...pod.metadata, uid: forged } },
            dryRun: false,
          },
        };
        const file = path.join(stack.stateDir, `${forged!}.json`);
        await writeFile(file, JSON.stringify(review));
        const post = ['-H', 'content-type: application/json', '--data-binary', `@${file}`, ...credentials()];
        const answer = await curl(...post, 'https://127.0.0.1:9444/validate/pods');
        expect(JSON.parse(answer)).toMatchObject({ response: { uid: 'forged', allowed: true } });

        // News are written in their order: when this pod is there, the forged one would be, too.
        await createPod(stack, aPod('hints', `${genuine!}-2`));
        await becomesTracked(`${genuine!}-2`);
        expect(await tracked(forged!)).toBeUndefined();
        expect(await hints()).toBe(before + 1);
      },
      60_000,
    );
  });
}
