import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { cases, scaled } from '@scc/testing/scale';
import fc from 'fast-check';
import { pods } from '@scc/scc/testing';
import { aPod, objectReview, patched, podReview, startTestAdmission, type TestAdmission } from './admission.fixture.js';
import { aNamespace, grantOf, standardObjects, TestCluster } from './cluster.fixture.js';
import { testHooks } from '../hooks/hook.fixture.js';
import { issueLeaf } from '@scc/tls';

const running: TestAdmission[] = [];
const started = async (...options: Parameters<typeof startTestAdmission>): Promise<TestAdmission> => {
  const webhook = await startTestAdmission(...options);
  running.push(webhook);
  return webhook;
};
afterEach(async () => {
  await Promise.all(running.splice(0).map((webhook) => webhook.stop()));
});

const metric = async ({ admission }: TestAdmission, line: RegExp): Promise<number> =>
  Number(line.exec(await admission.metrics.metrics())?.[1] ?? 0);

describe('requirement 4: an answer within the budget', () => {
  const unlisted = () => {
    const cluster = new TestCluster(standardObjects());
    cluster.vanish();
    return cluster;
  };

  it('is given by configuration while the cluster is not known', async () => {
    const webhook = await started({ cluster: unlisted(), config: { budgetMs: 200 } });
    expect(webhook.admission.ready()).toMatch(/not listed yet/);
    const mutating = await webhook.post('/mutate/pods', podReview(aPod()));
    const validating = await webhook.post('/validate/pods', podReview(aPod()));
    expect(mutating.json?.response).toMatchObject({
      allowed: true,
      warnings: [expect.stringContaining('not listed yet')],
    });
    expect(validating.json?.response).toMatchObject({ allowed: false, status: { code: 503 } });
    expect(await metric(webhook, /^scc_webhook_over_budget_total\{path="\/mutate\/pods"\} (\d+)$/m)).toBe(1);
  });

  it('is given earlier when the API server waits less', async () => {
    const webhook = await started({ cluster: unlisted(), config: { budgetMs: 2000 } });
    const answered: string[] = [];
    const ask = async (path: string): Promise<void> => {
      await webhook.post(path, podReview(aPod()));
      answered.push(path);
    };
    await Promise.all(['/mutate/pods', '/mutate/pods?timeout=300ms'].map(ask));
    expect(answered).toEqual(['/mutate/pods?timeout=300ms', '/mutate/pods']);
  });

  it('waits for a namespace that is about to get its ids', async () => {
    const webhook = await started();
    const bare = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'late', labels: {} } };
    webhook.cluster.put(bare);
    const asked = webhook.post(
      '/mutate/pods',
      podReview(aPod({ metadata: { namespace: 'late' } }), { namespace: 'late' }),
    );
    webhook.cluster.put(aNamespace('late'));
    expect((await asked).json?.response.allowed).toBe(true);
  });

  it('counts the time that the process could not work', async () => {
    const webhook = await started({ config: { budgetMs: 300 } });
    await webhook.post('/mutate/pods', podReview(aPod()));
    const asked = webhook.post(
      '/mutate/pods',
      podReview(aPod({ metadata: { namespace: 'unknown' } }), { namespace: 'unknown' }),
    );
    // The thread stands still for twice the budget.
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600), 50);
    expect((await asked).json?.response.allowed).toBe(true);
    expect(await metric(webhook, /^scc_webhook_over_budget_total\{path="\/mutate\/pods"\} (\d+)$/m)).toBe(1);
  });
});

describe('requirement 5: answers from memory only', () => {
  it('are right 10,000 times with nothing else there', async () => {
    const calls: string[] = [];
    const client = new Proxy({}, { get: (_target, name) => () => calls.push(String(name)) });
    const webhook = await started({ client });
    const review = podReview(aPod());
    for (let done = 0; done < 10_000; done += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => webhook.post('/mutate/pods', review)));
      expect(new Set(answers.map(({ json }) => json?.response.auditAnnotations?.['scc']))).toEqual(
        new Set(['restricted-v2']),
      );
    }
    expect(calls).toEqual([]);
  }, 300_000);
});

describe('requirement 6: an idempotent, minimal patch', () => {
  it(
    'holds for generated pods',
    async () => {
      const granted = ['nonroot-v2', 'hostmount-anyuid', 'hostnetwork', 'privileged'].map((scc) => grantOf(scc, 'web'));
      const { ask } = await testHooks({ objects: granted });
      await fc.assert(
        fc.asyncProperty(pods.map(withStrangers), async (pod) => {
          const first = await ask('/mutate/pods', podReview(pod));
          if (!first.allowed) return;
          const patch = first.patch ?? [];
          const lists = patch.filter((operation) => operation.op === 'replace' && Array.isArray(operation.value));
          expect(lists).toEqual([]);
          const result = patched(pod, { json: answerWith(patch) });
          expect(strangers(result)).toEqual(strangers(pod));
          const second = await ask('/mutate/pods', podReview(result));
          expect(second).toMatchObject({ allowed: true, patch: [] });
          expect((await ask('/validate/pods', podReview(result))).allowed).toBe(true);
        }),
        cases(100_000, 20261126),
      );
    },
    scaled(900_000),
  );
});

const answerWith = (patch: readonly unknown[]) => ({
  apiVersion: '',
  kind: '',
  response: { uid: '', allowed: true, patch: Buffer.from(JSON.stringify(patch)).toString('base64') },
});

/** Puts fields into a pod that no type of ours knows. */
function withStrangers<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withStrangers) as T;
  if (typeof value !== 'object' || value === null) return value;
  const inner = Object.fromEntries(Object.entries(value).map(([key, field]) => [key, withStrangers(field as unknown)]));
  const isMap = Object.values(inner).every((field) => typeof field === 'string');
  return (isMap ? inner : { ...inner, 'x-unknown': [{ deep: 1 }] }) as T;
}

/** Fields that no type of ours knows; the generator puts `x-…` everywhere. */
function strangers(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key.startsWith('x-') ? [[key, inner]] : strangers(inner)));
}

describe('requirements 7 and 11: what is learnt from a review', () => {
  const validReview = async (webhook: TestAdmission, over: object = {}) => {
    const pod = patched(aPod(), await webhook.post('/mutate/pods', podReview(aPod())));
    return podReview({ ...pod, metadata: { ...pod.metadata, uid: 'u-1', name: 'ledger-1' } }, over);
  };

  it('is a hint with SCC, subject and mutations when the API server proved who it is', async () => {
    const webhook = await started({ checksClients: true });
    const as = await issueLeaf(webhook.authority, {
      names: ['kube-apiserver'],
      usage: 'client',
      now: new Date(),
      lifeMs: 60_000,
    });
    await webhook.post('/validate/pods', await validReview(webhook), { as });
    await waitFor(() => webhook.hints.length === 1, { timeoutMs: 2000, what: 'the hint' });
    expect(webhook.hints[0]).toMatchObject({ scc: 'restricted-v2', subjectType: 'user', operation: 'CREATE' });
    expect(webhook.hints[0]?.mutations).toContain('/spec/securityContext/fsGroup');
  });

  it('is nothing from a dry run', async () => {
    const webhook = await started({ checksClients: true });
    const as = await issueLeaf(webhook.authority, {
      names: ['kube-apiserver'],
      usage: 'client',
      now: new Date(),
      lifeMs: 60_000,
    });
    await webhook.post('/validate/pods', await validReview(webhook, { dryRun: true }), { as });
    await webhook.post('/validate/pods', await validReview(webhook), { as });
    await waitFor(() => webhook.hints.length > 0, { timeoutMs: 2000, what: 'the hint of the real one' });
    expect(webhook.hints).toHaveLength(1);
  });

  it('is nothing from a forged review, which is answered all the same', async () => {
    const webhook = await started({ checksClients: true });
    const answer = await webhook.post('/validate/pods', await validReview(webhook));
    expect(answer.json?.response.allowed).toBe(true);
    await webhook.post('/validate/pods', await validReview(webhook));
    expect(webhook.hints).toEqual([]);
  });

  it('and callers without a certificate are refused where one is required', async () => {
    const webhook = await started({ checksClients: true, config: { clientRequired: true } });
    expect((await webhook.post('/mutate/pods', podReview(aPod()))).status).toBe(403);
    const as = await issueLeaf(webhook.authority, {
      names: ['kube-apiserver'],
      usage: 'client',
      now: new Date(),
      lifeMs: 60_000,
    });
    expect((await webhook.post('/mutate/pods', podReview(aPod()), { as })).status).toBe(200);
  });
});

describe('requirement 10: certificates', () => {
  const servedBy = (port: number, ca: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
        socket.end();
      });
      socket.once('error', reject);
    });

  it('that change in the folder are served without a restart; a pair that does not fit is not', async () => {
    const webhook = await started();
    const { tlsDir, authority, admission } = webhook;
    const life = { now: new Date(), lifeMs: 60_000 };
    const before = await servedBy(admission.port, authority.certificate);
    const next = await issueLeaf(authority, { names: ['localhost'], ...life });
    await writeFile(path.join(tlsDir, 'tls.crt'), next.certificate);
    await waitFor(async () => (await metric(webhook, /^scc_webhook_certificate_failures_total (\d+)$/m)) > 0, {
      timeoutMs: 10_000,
      what: 'the half pair to be seen',
    });
    expect(await servedBy(admission.port, authority.certificate)).toBe(before);
    await writeFile(path.join(tlsDir, 'tls.key'), next.key);
    await waitFor(async () => (await servedBy(admission.port, authority.certificate)) !== before, {
      timeoutMs: 10_000,
      what: 'the new certificate',
    });
    expect((await webhook.post('/mutate/pods', podReview(aPod()))).status).toBe(200);
  });

  it('that the API server does not trust make it unready', async () => {
    const webhook = await started();
    const configuration = (ca: string) => ({
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'scc-webhook' },
      webhooks: [{ name: 'pods.scc.poc', clientConfig: { caBundle: Buffer.from(ca).toString('base64') } }],
    });
    expect(webhook.admission.ready()).toBeNull();
    webhook.cluster.put(configuration(''));
    expect(webhook.admission.ready()).toMatch(/does not trust/);
    webhook.cluster.put(configuration(await readFile(path.join(webhook.tlsDir, 'ca.crt'), 'utf8')));
    expect(webhook.admission.ready()).toBeNull();
  });
});

describe('requirement 12: operation', () => {
  it('is unready before it stops to answer, and sends its callers away meanwhile', async () => {
    const webhook = await startTestAdmission({ config: { drainMs: 300 } });
    expect(await startedPost(webhook)).toEqual({ status: 200, isLast: false });
    const stopping = webhook.stop();
    expect(webhook.admission.ready()).toBe('draining');
    expect(await startedPost(webhook)).toEqual({ status: 200, isLast: true });
    await stopping;
    await expect(startedPost(webhook)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('tells what was changed to people, and to the audit log', async () => {
    const webhook = await started();
    const { json } = await webhook.post(
      '/mutate/pods',
      podReview(aPod(), { userInfo: { username: 'ana', groups: ['system:authenticated'] } }),
    );
    expect(json?.response.warnings?.[0]).toMatch(/^admitted under restricted-v2, which sets spec\./);
    expect(json?.response.auditAnnotations).toEqual({ scc: 'restricted-v2', 'subject-type': 'user' });
  });

  it('counts reviews by operation and verdict', async () => {
    const webhook = await started();
    await webhook.post('/mutate/pods', podReview(aPod()));
    await webhook.post('/validate/pods', podReview(aPod()));
    await webhook.post('/validate/plans', objectReview(['', 'v1', 'Pod', 'pods'], { object: {} }));
    const text = await webhook.admission.metrics.metrics();
    expect(text).toContain('scc_webhook_reviews_total{path="/mutate/pods",operation="CREATE",verdict="mutated"} 1');
    expect(text).toContain('scc_webhook_reviews_total{path="/validate/pods",operation="CREATE",verdict="denied"} 1');
    expect(text).toContain(
      'scc_webhook_reviews_total{path="/validate/plans",operation="CREATE",verdict="not-understood"} 1',
    );
    expect(text).toMatch(/scc_webhook_certificate_end_seconds\{certificate="authority"\} \d+/);
  });
});

/** On a connection of its own: those of the fixture end with it. */
function startedPost({ admission, authority }: TestAdmission): Promise<{ status: number; isLast: boolean }> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { port: admission.port, host: '127.0.0.1', servername: 'localhost', ca: authority.certificate },
      () => {
        const body = JSON.stringify(podReview(aPod()));
        socket.write(
          `POST /mutate/pods HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
        );
      },
    );
    socket.once('data', (chunk: Buffer) => {
      const head = chunk.toString();
      resolve({
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0),
        isLast: /^connection: close\r$/im.test(head),
      });
      socket.end();
    });
    socket.once('error', reject);
  });
}
