import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

jest.setTimeout(60_000);

const root = path.resolve(import.meta.dirname, '../../../..');
let folder: string;
beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['scripts/build.ts'], { cwd: root });
  folder = await mkdtemp(path.join(tmpdir(), 'sccctl-campaign-'));
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

/** Runs the command in an environment that knows no cluster. */
const dryRun = (...args: readonly string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: folder };
    const command = ['apps/cli/dist/main.js', ...args];
    execFile(process.execPath, command, { cwd: root, env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });

const workload = (name: string, criticality: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop, labels: { scc.poc/criticality: ${criticality} } }
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      containers: [{ name: app, image: i, ports: [{ containerPort: 8080 }] }]
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ port: 80, name: http }] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: ${name}, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:openshift:scc:anyuid' }
subjects: [{ kind: ServiceAccount, name: ${name}, namespace: shop }]
`;
const NAMESPACE = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
`;
const campaign = (spec: string): string => `
apiVersion: scc.poc/v1
kind: SCCMigrationCampaign
metadata: { name: shop }
spec: ${spec}
`;

async function files(spec: string): Promise<[file: string, objects: string]> {
  const [file, objects] = [path.join(folder, 'campaign.yaml'), path.join(folder, 'objects.yaml')];
  await writeFile(file, campaign(spec));
  await writeFile(objects, [NAMESPACE, workload('core', 'critical'), workload('toy', 'low')].join('---'));
  return [file, objects];
}

describe('sccctl campaign dry-run', () => {
  it('shows the waves, each with the hash of its set, and what is left', async () => {
    const [file, objects] = await files('{ selector: { namespaces: [shop] }, waves: { count: 2 } }');
    const { code, out } = await dryRun('-o', 'json', 'campaign', 'dry-run', file, '-f', objects);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      campaign: 'shop',
      waves: [
        { hash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown, workloads: [{ name: 'toy', sourceSCC: 'anyuid' }] },
        { workloads: [{ name: 'core', targetSCC: 'restricted-v2' }] },
      ],
      left: [],
    });
    const text = await dryRun('campaign', 'dry-run', file, '-f', objects);
    expect(text.out).toContain('campaign shop: 2 workloads in 2 waves');
    expect(text.out).toMatch(/wave 1 .*\n\nNAMESPACE .*\nshop +Deployment +toy +anyuid +restricted-v2 +toy/);
  });

  it('names every violation of the campaign with its field', async () => {
    const [file, objects] = await files('{ waves: { sizes: [0] }, soak: long }');
    const { code, err } = await dryRun('campaign', 'dry-run', file, '-f', objects);
    expect(code).toBe(4);
    expect(err).toContain('spec.waves.sizes[0]');
    expect(err).toContain('spec.soak');
  });

  it('ends with a code of its own when nothing would be moved', async () => {
    const [file, objects] = await files('{ workloads: [{ namespace: shop, name: gone }] }');
    const { code, out } = await dryRun('campaign', 'dry-run', file, '-f', objects);
    expect(code).toBe(4);
    expect(out).toMatch(/shop\/Deployment\/gone +the cluster has no such workload/);
  });
});
