import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SCAN_KINDS, scanReportSchema } from '@scc/scc/scan';
import { ROOT, type Stack } from '../../src/index.js';

/** `sccctl scan` on a real API server: what it may read, and that files of the same objects give the same report. */

const NAMESPACE = 'scanned';
let stack: Stack;
let folder: string;

interface Ran {
  code: number;
  out: string;
  err: string;
}

const run = (command: string, args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: folder };
    execFile(command, args, { cwd: ROOT, env, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });

const scan = (...args: string[]): Promise<Ran> =>
  run(process.execPath, ['apps/cli/dist/main.js', '-o', 'json', ...args]);
const reportOf = ({ out }: Ran) => scanReportSchema.parse(JSON.parse(out));

/** A kubeconfig of a ServiceAccount. */
async function kubeconfigOf(name: string): Promise<string> {
  const token = await stack.token({ namespace: NAMESPACE, name });
  const admin = await readFile(stack.kubeconfig.outside, 'utf8');
  const file = path.join(folder, name);
  const server = /server: (\S+)/.exec(admin)?.[1] ?? '';
  const ca = path.join(stack.stateDir, 'tls', 'ca.crt');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority': ca } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'c',
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

const account = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: NAMESPACE },
});
const workload = (kind: string, name: string) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, namespace: NAMESPACE },
  spec: {
    selector: { matchLabels: { app: name } },
    ...(kind === 'StatefulSet' ? { serviceName: name } : {}),
    ...(kind === 'DaemonSet' ? {} : { replicas: 0 }),
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'app', image: 'scc.poc/echo:1', securityContext: { runAsUser: 0 } }] },
    },
  },
});

export function scanning(stackOf: () => Stack): void {
  beforeAll(async () => {
    stack = stackOf();
    folder = await mkdtemp(path.join(tmpdir(), 'scan-e2e-'));
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'scan-test' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'scc-scan' },
      subjects: [{ kind: 'ServiceAccount', name: 'scanner', namespace: NAMESPACE }],
    };
    const objects = [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
      ...['scanner', 'stranger'].map(account),
      binding,
      ...['Deployment', 'StatefulSet'].map((kind) => workload(kind, kind.toLowerCase())),
    ];
    await stack.apply(objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  describe('sccctl scan', () => {
    it('reads all that it reads with the rights of the ClusterRole scc-scan', async () => {
      const ran = await scan('--kubeconfig', await kubeconfigOf('scanner'), 'scan', '-n', NAMESPACE);
      expect(ran.code).toBe(0);
      const report = reportOf(ran);
      expect(report.unreadable).toEqual([]);
      expect(report.rows.map(({ kind, leastAsIs, target }) => [kind, leastAsIs, target])).toEqual([
        ['Deployment', 'anyuid', 'restricted-v2'],
        ['StatefulSet', 'anyuid', 'restricted-v2'],
      ]);
    }, 60_000);

    it('says the same of files that hold the objects of the cluster', async () => {
      const kubeconfig = await kubeconfigOf('scanner');
      const objects = await Promise.all(
        SCAN_KINDS.map(({ apiVersion, kind }) => {
          const [version = '', group = ''] = apiVersion.split('/').reverse();
          const resource = group === '' ? kind : `${kind}.${version}.${group}`;
          return run(stack.binary('kubectl'), [
            '--kubeconfig',
            kubeconfig,
            'get',
            resource,
            '--all-namespaces',
            '-o',
            'json',
          ]);
        }),
      );
      const files = await Promise.all(
        objects
          .filter(({ code }) => code === 0)
          .map(async ({ out }, at) => {
            const file = path.join(folder, `kind-${at}.json`);
            await writeFile(file, out);
            return file;
          }),
      );
      expect(files.length).toBeGreaterThan(10);
      const [live, read] = await Promise.all([
        scan('--kubeconfig', kubeconfig, 'scan'),
        scan('scan', ...files.flatMap((file) => ['-f', file])),
      ]);
      expect(reportOf(read)).toEqual(reportOf(live));
    }, 120_000);

    it('names each kind that it may not read, with who holds the right, and reads the rest', async () => {
      const ran = await scan('--kubeconfig', await kubeconfigOf('stranger'), 'scan', '-n', NAMESPACE);
      expect(ran.code).toBe(0);
      const sources = reportOf(ran).unreadable.map(({ source }) => source);
      expect(sources).toEqual(expect.arrayContaining([`every Deployment in ${NAMESPACE}`, 'every ClusterRole']));
      expect(reportOf(ran).unreadable[0]?.reason).toContain('the ClusterRole scc-scan of the chart holds the rights');
    }, 60_000);
  });
}
