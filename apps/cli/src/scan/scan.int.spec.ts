import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { scanReportSchema } from '@scc/scc/scan';
import { startRegistry } from '@scc/testing/images';
import { parse } from 'yaml';

jest.setTimeout(60_000);

const root = path.resolve(import.meta.dirname, '../../../..');
let folder: string;
beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['scripts/build.ts'], { cwd: root });
  folder = await mkdtemp(path.join(tmpdir(), 'sccctl-scan-'));
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Runs the command as a person would, in an environment that knows no cluster. */
function sccctl(args: readonly string[], input = ''): Promise<Ran> {
  const env = { PATH: process.env['PATH'], HOME: folder };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ['apps/cli/dist/main.js', ...args],
      { cwd: root, env },
      (error, out, err) => {
        resolve({ code: error ? Number(error.code) : 0, out, err });
      },
    );
    child.stdin?.end(input);
  });
}

const workload = (name: string, container = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      containers: [{ name: app, image: i, ports: [{ containerPort: 8080 }]${container} }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: ${name}, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:openshift:scc:anyuid' }
subjects: [{ kind: ServiceAccount, name: ${name}, namespace: shop }]
`;
/** Its Service, in a namespace of the mesh: without them a plan could not divide its requests. */
const served = (...names: readonly string[]): string =>
  names
    .map(
      (name) => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ port: 80, name: http }] }
`,
    )
    .concat(
      `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
`,
    )
    .join('---');
const AS_ROOT = ', securityContext: { runAsUser: 0 }';

describe('sccctl scan', () => {
  it('asks the named registries what images say of themselves, and names those that it did not read', async () => {
    const registry = await startRegistry({ token: 'any' });
    try {
      registry.put('team/named', '1', {
        config: { User: 'www', ExposedPorts: { '80/tcp': {} } },
        platforms: ['arm64'],
      });
      const file = path.join(folder, 'images.yaml');
      const text = [`${registry.host}/team/named:1`, 'registry.example/other:1']
        .map((image, at) =>
          workload(`of-${at}`).replace('image: i, ports: [{ containerPort: 8080 }]', `image: '${image}'`),
        )
        .join('---');
      await writeFile(file, text);
      const args = ['-o', 'json', 'scan', '-f', file, '--images', registry.host, '--target', 'nonroot-v2'];
      const { code, out } = await sccctl(args);
      const { rows } = scanReportSchema.parse(JSON.parse(out));
      expect(code).toBe(0);
      expect(rows.map(({ evidence }) => evidence)).toMatchObject([
        [{ source: 'image', container: 'app', user: 'www', ports: [80], platform: 'linux/amd64' }],
        [{ source: 'image not read', reason: 'registry.example is not among the hosts that may be asked' }],
      ]);
      const sure = rows.map(({ risks }) => risks.find(({ name }) => name === 'image-runs-as-root')?.uncertain);
      expect(sure).toEqual([false, true]);
      expect(rows.map(({ risks }) => risks.some(({ name }) => name === 'privileged-port'))).toEqual([true, false]);
    } finally {
      await registry.close();
    }
  });

  it('says the same of a folder, of standard input and of lists as a must-gather keeps them', async () => {
    const [one, two] = [workload('one'), workload('two', AS_ROOT)];
    const text = `${one}---\n${two}`;
    const manifests = path.join(folder, 'manifests');
    await mkdir(path.join(manifests, 'deep/er'), { recursive: true });
    await writeFile(path.join(manifests, 'one.yaml'), one);
    await writeFile(path.join(manifests, 'deep/er/two.yml'), two);
    await writeFile(path.join(manifests, 'README.md'), 'kind: nothing');
    const gathered = path.join(folder, 'gathered');
    const lists = { apps: 'deployments', 'rbac.authorization.k8s.io': 'rolebindings' };
    const documents = text.split('---').map((document) => parse(document) as { kind: string; apiVersion: string });
    for (const [group, plural] of Object.entries(lists)) {
      const items = documents.filter(({ apiVersion }) => apiVersion.startsWith(`${group}/`));
      const { apiVersion, kind } = items[0] ?? { apiVersion: '', kind: '' };
      const below = path.join(gathered, 'namespaces/shop', group);
      await mkdir(below, { recursive: true });
      const list = {
        apiVersion,
        kind: `${kind}List`,
        items: items.map(({ kind: _kind, apiVersion: _version, ...item }) => item),
      };
      await writeFile(path.join(below, `${plural}.yaml`), JSON.stringify(list));
    }
    const runs = await Promise.all([
      sccctl(['-o', 'json', 'scan', '-f', manifests]),
      sccctl(['-o', 'json', 'scan', '-f', '-'], text),
      sccctl(['-o', 'json', 'scan', '-f', gathered]),
    ]);
    const reports = runs.map(({ code, out }) => ({ code, report: scanReportSchema.parse(JSON.parse(out)) }));
    expect(reports[0]?.report.rows.map(({ name, category }) => [name, category])).toEqual([
      ['one', 'AsIs'],
      ['two', 'Patch'],
    ]);
    expect(reports[1]).toEqual(reports[0]);
    expect(reports[2]).toEqual(reports[0]);
  });

  it('writes plans that lint accepts, patches, CSV and a page, and ends with the code that was asked for', async () => {
    const file = path.join(folder, 'all.yaml');
    await writeFile(
      file,
      [workload('one'), workload('two', AS_ROOT), workload('ünreadable', ', ports: 3'), served('one', 'two')].join(
        '---\n',
      ),
    );
    const [plans, patches, csv, html] = ['plans', 'patches', 'rows.csv', 'scan.html'].map((name) =>
      path.join(folder, name),
    );
    const args = [
      '-f',
      file,
      '--plans',
      plans ?? '',
      '--patches',
      patches ?? '',
      '--csv',
      csv ?? '',
      '--html',
      html ?? '',
    ];
    const { code, out, err } = await sccctl(['scan', ...args, '--fail-on', 'Patch,Never,Unreadable']);
    expect({ code, err }).toMatchObject({
      code: 4,
      err: expect.stringContaining('--fail-on: Patch: 1, Unreadable: 1') as unknown,
    });
    expect(out).toMatch(/shop +Deployment\/two +anyuid \(next\) +restricted-v2 +Patch/);
    expect(await readdir(plans ?? '')).toEqual(['shop-deployment-one.yaml', 'shop-deployment-two.yaml']);
    const alone = await sccctl(['plan', 'lint', path.join(plans ?? '', 'shop-deployment-two.yaml')]);
    expect(alone).toMatchObject({ code: 0 });
    const patch = parse(await readFile(path.join(patches ?? '', 'shop-deployment-two.yaml'), 'utf8')) as object;
    expect(patch).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'two', namespace: 'shop' },
      spec: { template: { spec: { containers: [{ name: 'app', securityContext: { runAsUser: null } }] } } },
    });
    const component = parse(await readFile(path.join(patches ?? '', 'kustomization.yaml'), 'utf8')) as object;
    const target = { kind: 'Deployment', name: 'two' };
    expect(component).toMatchObject({ patches: [{ path: 'shop-deployment-two.yaml', target }] });
    const campaign = path.join(folder, 'fleet.yaml');
    expect((await sccctl(['scan', '-f', file, '--campaign', campaign])).err).toContain('a campaign of 2 workloads in');
    const board = await sccctl(['campaign', 'dry-run', campaign, '-f', file]);
    expect(board.out).toContain('campaign fleet: 2 workloads in 2 waves');
    const none = await sccctl(['scan', '-f', file, '--target', 'anyuid', '--campaign', campaign]);
    expect(none).toMatchObject({ code: 4, err: expect.stringContaining('a campaign has 1 to 1000') as unknown });
    expect((await readFile(csv ?? '', 'utf8')).split('\r\n')).toHaveLength(4);
    expect(await readFile(html ?? '', 'utf8')).toContain('"name":"two"');
  });

  it('keeps texts of a workload from becoming markup or formulas', async () => {
    const file = path.join(folder, 'evil.yaml');
    const evil = `apiVersion: v1\nkind: Pod\nmetadata: { name: '=HYPERLINK(1)</script><img src=x onerror=alert(1)>', namespace: shop }\nspec: { containers: [{ name: a }] }\n`;
    await writeFile(file, evil);
    const [csv, html] = ['evil.csv', 'evil.html'].map((name) => path.join(folder, name));
    expect(await sccctl(['scan', '-f', file, '--csv', csv ?? '', '--html', html ?? ''])).toMatchObject({ code: 0 });
    expect(await readFile(html ?? '', 'utf8')).not.toContain('<img');
    expect(await readFile(csv ?? '', 'utf8')).toContain("'=HYPERLINK");
  });

  it('says what changed since a scan that was kept', async () => {
    const before = await sccctl(['-o', 'json', 'scan', '-f', '-'], workload('one'));
    const kept = path.join(folder, 'kept.json');
    await writeFile(kept, before.out);
    const after = await sccctl(['scan', '-f', '-', '--since', kept], workload('one', AS_ROOT));
    expect(after.out).toMatch(/Deployment shop\/one +changed +category: AsIs → Patch/);
    expect(await sccctl(['scan', '-f', '-', '--since', path.join(folder, 'all.yaml')])).toMatchObject({ code: 64 });
  });

  it.each([
    [['scan', '-f', '/does/not/exist'], 1, /--filename: .*\/does\/not\/exist/],
    [['scan', '-f', '-', '--target', 'nothing'], 64, /--target: there is no SCC nothing/],
    [['scan', '-f', '-', '--fail-on', 'Everything'], 64, /--fail-on: Everything is unknown/],
    [['simulate', '-f', '-'], 64, /nothing is to be changed/],
    [['simulate', '-f', '-', '--priority', 'anyuid'], 64, /anyuid is not SCC=NUMBER/],
    [['simulate', '-f', '-', '--delete-scc', 'nothing'], 64, /there is no SCC nothing/],
    [['simulate', '-f', '-', '--defaults', '4.99'], 64, /OpenShift 4\.99 are not known, those of 4\.11 to 4\.22 are/],
  ])('%j is refused', async (args, code, message) => {
    const ran = await sccctl(args);
    expect({ ...ran, message: message.test(ran.err) }).toMatchObject({ code, message: true });
  });
});

describe('sccctl simulate', () => {
  it('names who a removed binding and another priority would concern', async () => {
    const text = `${workload('one', AS_ROOT)}---\n${workload('two')}`;
    const removed = await sccctl(['simulate', '-f', '-', '--delete-binding', 'shop/one'], text);
    expect(removed.out).toMatch(/Deployment shop\/one +changed .*next restart: anyuid → refused/);
    expect(removed.out).not.toContain('shop/two');
    const lower = await sccctl(['simulate', '-f', '-', '--priority', 'anyuid=none'], text);
    expect(lower.out).toMatch(/Deployment shop\/two +changed .*next restart: anyuid → restricted-v2/);
  });
});
