import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { type Stack } from '../../src/index.js';
import { sccctlOn } from '../sccctl.fixture.js';

const ADMIN = 'scc-system/admin';
let stack: Stack;
let folder: string;

const sccctl = sccctlOn(
  () => stack,
  () => folder,
);

const configMapSchema = z.object({ data: z.object({ key: z.string(), checkpoint: z.string() }) });
const published = (): Promise<z.infer<typeof configMapSchema>['data']> =>
  waitFor(
    async () =>
      configMapSchema.parse(await stack.api.get('/api/v1/namespaces/scc-system/configmaps/scc-audit-checkpoint')).data,
    { timeoutMs: 30_000, what: 'the published checkpoint' },
  );

export function sccctlOnCluster(stackOf: () => Stack): void {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'sccctl-e2e-'));
    stack = stackOf();
    await stack.apply(
      [
        'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: admin, namespace: scc-system }',
        'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: nobody, namespace: scc-system }',
        'apiVersion: v1\nkind: Namespace\nmetadata: { name: till, labels: { scc.poc/enforce: "true" } }',
        'apiVersion: scc.poc/v1\nkind: SCCMigrationPlan\nmetadata: { name: till, namespace: till }\nspec: { workloadRef: { kind: Deployment, name: till }, targetSCC: restricted-v2 }',
      ].join('\n---\n'),
    );
  }, 600_000);
  afterAll(() => rm(folder, { recursive: true }));

  describe('sccctl on a real cluster', () => {
    it('verifies the log of governance against the checkpoint in the ConfigMap', async () => {
      const { key } = await published();
      const { code, out, err } = await sccctl(ADMIN, '-o', 'json', 'audit', 'verify', '--key', key);
      expect(err).toBe('');
      expect(JSON.parse(out)).toMatchObject({ verdict: 'clean', findings: [], checked: { anchors: 1 } });
      expect(code).toBe(0);
    });

    it('takes the log along and verifies it without the cluster', async () => {
      const file = path.join(folder, 'log.ndjson');
      expect(await sccctl(ADMIN, 'audit', 'export', file)).toMatchObject({ code: 0, err: '' });
      expect((await readFile(file, 'utf8')).split('\n').length).toBeGreaterThan(20);
      const { key } = await published();
      const verify = ['audit', 'verify', '--no-cluster', '--export', file];
      expect(await sccctl(null, ...verify, '--key', key)).toMatchObject({ code: 0 });
      expect(await sccctl(null, ...verify)).toMatchObject({ code: 3 });
    });

    it('makes a report of what was done, which is checked without the cluster and found changed', async () => {
      const { key } = await published();
      const [json, html] = [path.join(folder, 'report.json'), path.join(folder, 'report.html')];
      const made = ['report', '--from', '2020-01-01', '--map', 'deploy/report-maps/cis-openshift.yaml'];
      const { code, err, out } = await sccctl(ADMIN, ...made, '--key', key, '--out', json, '--html', html);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(/The SCCs of the cluster +[1-9]/);
      for (const file of [json, html])
        expect(await sccctl(null, 'report', 'verify', file, '--key', key)).toMatchObject({ code: 0, err: '' });
      expect(await sccctl(null, 'report', 'verify', json)).toMatchObject({ code: 3 });
      const log = path.join(folder, 'report-log.ndjson');
      expect(await sccctl(ADMIN, 'audit', 'export', log)).toMatchObject({ code: 0 });
      const whole = ['report', 'verify', json, '--key', key, '--export'];
      expect((await sccctl(null, ...whole, log)).out).toMatch(/the whole log +clean\nverdict +valid/);
      const text = await readFile(json, 'utf8');
      await writeFile(json, text.replace('"entryId": "0', '"entryId": "1'));
      const changed = await sccctl(null, 'report', 'verify', json, '--key', key);
      expect(changed.out).toMatch(/changed after it was signed/);
      expect(changed.code).toBe(2);
    });

    it('shows an entry and proves it', async () => {
      const { out } = await sccctl(ADMIN, '-o', 'json', 'audit', 'list', '--limit', '1', '--action', 'policy.saved');
      const [{ id } = { id: 'none' }] = JSON.parse(out) as { id: string }[];
      const shown = await sccctl(ADMIN, 'audit', 'show', id);
      expect(shown.out).toMatch(/proof +valid against \d+ entries/);
    });

    it('compares policies in files with those that are stored, and stores and binds what differs', async () => {
      const files = ['-f', 'deploy/examples/policies'];
      expect(await sccctl(null, 'policies', 'test', ...files)).toMatchObject({ code: 0, err: '' });
      const before = await sccctl(ADMIN, 'policies', 'diff', ...files, '--past', '10');
      expect(before.out).toMatch(/Policy late-on-friday: new/);
      expect(before.code).toBe(5);
      const applied = await sccctl(ADMIN, 'policies', 'apply', ...files);
      expect(applied).toMatchObject({ code: 0, err: '' });
      expect(applied.out).toContain('binding late-on-friday: audit late-on-friday, version 1');
      expect(await sccctl(ADMIN, 'policies', 'diff', ...files)).toMatchObject({ code: 0 });
      expect((await sccctl(ADMIN, 'policies', 'apply', ...files)).out).toContain('governance has all of it already');
      expect((await sccctl('scc-system/nobody', 'policies', 'apply', ...files)).err).toMatch(/governance refused/);
    });

    it('gathers what is needed to look for a fault, and none of the secrets that were planted', async () => {
      const planted = 'hunter2-was-planted';
      await stack.apply(
        [
          `apiVersion: v1\nkind: Secret\nmetadata: { name: till, namespace: till }\nstringData: { key: ${planted} }`,
          `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: till, namespace: till, annotations: { apiToken: ${planted} } }
spec:
  replicas: 0
  selector: { matchLabels: { app: till } }
  template:
    metadata: { labels: { app: till } }
    spec:
      containers:
        - { name: till, image: till, args: [--db-password=${planted}], env: [{ name: ANY, value: ${planted} }] }`,
        ].join('\n---\n'),
      );
      const directory = path.join(folder, 'gathered');
      const gather = ['gather', '-d', directory, '-n', 'till'];
      const { code, out, err } = await sccctl(ADMIN, '-o', 'json', ...gather);
      expect([code, err]).toEqual([0, '']);
      const { files } = JSON.parse(out) as { files: string[] };
      expect(files).toEqual(
        expect.arrayContaining([
          ...['versions.json', 'check.json', 'system/pods.json', 'governance/health.json'],
          ...['plans/till/till/plan.json', 'plans/till/till/workload.json', 'plans/till/till/events.json'],
        ]),
      );
      expect(files.some((file) => /^system\/logs\/governance-.*\.log$/.test(file))).toBe(true);
      const texts = await Promise.all(files.map((file) => readFile(path.join(directory, file), 'utf8')));
      const shapes = [planted, Buffer.from(planted).toString('base64'), 'PRIVATE KEY', 'eyJhbGci'];
      expect(shapes.filter((shape) => texts.some((text) => text.includes(shape)))).toEqual([]);
      expect((await sccctl(ADMIN, ...gather)).err).toMatch(/is not empty/);
    });

    it('shows a plan that has not begun', async () => {
      const { code, out } = await sccctl(null, 'plan', 'status', 'till', '-n', 'till');
      expect(out).toMatch(/phase +Pending/);
      expect(code).toBe(0);
    });

    it.each<[string, string | null, string[], RegExp]>([
      ['is not known', null, ['pods'], /--token: governance needs to know who you are\nPass --token-file/],
      ['holds no role', 'scc-system/nobody', ['audit', 'list'], /governance refused: .*\nAsk an admin for a role/],
      ['does not exist', 'scc-system/ghost', ['pods'], /serviceaccounts "ghost" not found/],
      [
        'asks for a plan that is not there',
        ADMIN,
        ['approve', 'ghost'],
        /no plan ghost in the namespace default\nName/,
      ],
      ['steers what does not run', ADMIN, ['pause', 'till', '-n', 'till'], /governance refused/],
    ])('tells a caller who %s what to do', async (_what, account, args, message) => {
      const { code, err } = await sccctl(account, ...args);
      expect(err).toMatch(message);
      expect(code).toBe(1);
    });
  });
}
