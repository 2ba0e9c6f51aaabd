import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { controllerSubject, decide, podFromTemplate } from '@scc/scc';
import { clusterObjectSchema, inventoryOf, scanReportSchema } from '@scc/scc/scan';
import { z } from 'zod';
import type { Stack } from '../../src/index.js';
import { sccctlOn } from '../sccctl.fixture.js';
import { FLEET, MANIFESTS, MEMBERS, VAULT } from './fleet.fixture.js';

/** What a fleet says of itself on paper: the page of a scan before it is moved, and the report on what was done after. */

const ADMIN = 'scc-system/admin';
const KINDS = ['deployments', 'statefulsets', 'daemonsets'].map((kind) => ['apps/v1', kind] as const);
const configMapSchema = z.object({ data: z.object({ key: z.string() }) });
const bodySchema = z.looseObject({
  document: z.looseObject({ claims: z.looseObject({ campaigns: z.array(z.json()) }) }),
});

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fleet-e2e-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The objects of the fleet, and the SCCs of its cluster. */
async function objectsOf({ api }: Stack) {
  const lists = [
    ['security.openshift.io/v1', '/apis/security.openshift.io/v1/securitycontextconstraints', ''],
    ...[FLEET, VAULT].flatMap((name) =>
      KINDS.map(([version, kind]) => [version, `/apis/${version}/namespaces/${name}/${kind}`, kind] as const),
    ),
  ] as const;
  const kindOf: Record<string, string> = {
    deployments: 'Deployment',
    statefulsets: 'StatefulSet',
    daemonsets: 'DaemonSet',
  };
  const items = await Promise.all(
    lists.map(async ([apiVersion, at, kind]) =>
      (await api.list(at)).items.map((item) =>
        clusterObjectSchema.parse({
          ...(item as object),
          apiVersion,
          kind: kindOf[kind] ?? 'SecurityContextConstraints',
        }),
      ),
    ),
  );
  const namespaces = await Promise.all(
    [FLEET, VAULT].map(async (name) => clusterObjectSchema.parse(await api.get(`/api/v1/namespaces/${name}`))),
  );
  return [...namespaces, ...items.flat()];
}

/** The SCCs that admit each workload as it is, by trying every one on each. */
async function tried(stack: Stack): Promise<Map<string, string[]>> {
  const inventory = inventoryOf(await objectsOf(stack));
  return new Map(
    inventory.workloads.map(({ kind, namespace: place, name, template }) => {
      const namespace = inventory.namespace(place);
      const pod = podFromTemplate(template, { kind: 'Deployment', name, namespace: place });
      const admits = (scc: string): boolean =>
        decide(
          {
            ...{ operation: 'CREATE', pod, namespace },
            subjects: { requester: controllerSubject('Deployment') },
            mayUse: (_type, one) => one === scc,
          },
          inventory.sccs,
        ).decision === 'admitted';
      return [`${kind} ${place}/${name}`, inventory.sccs.ordered.map((scc) => scc.name).filter(admits)];
    }),
  );
}

const changed = (text: string, at: number): string =>
  `${text.slice(0, at)}${text[at] === 'a' ? 'b' : 'a'}${text.slice(at + 1)}`;

/** The scan that comes before the campaign. */
export function scannedFleet(stackOf: () => Stack): void {
  it('is scanned: as its manifests before, with the totals of every SCC tried on every workload, and what to do first', async () => {
    const sccctl = sccctlOn(stackOf, () => folder);
    const page = path.join(folder, 'scan.html');
    const { code, out } = await sccctl(null, '-o', 'json', 'scan', '-n', FLEET, '-n', VAULT, '--html', page);
    expect(code).toBe(0);
    const report = scanReportSchema.parse(JSON.parse(out));
    const { rows, totals, aim } = report;
    const manifests = path.join(folder, 'fleet.yaml');
    await writeFile(manifests, MANIFESTS);
    const unapplied = await sccctl(null, '-o', 'json', 'scan', '-f', manifests);
    expect(written(scanReportSchema.parse(JSON.parse(unapplied.out)))).toEqual(written(report));
    expect(rows).toHaveLength(MEMBERS.length);
    const admitting = await tried(stackOf());
    const asIs = [...admitting.values()].filter((sccs) => sccs.includes(aim)).length;
    expect(totals.byCategory).toMatchObject({ AsIs: asIs, Patch: MEMBERS.length - asIs });
    for (const { kind, namespace, name, leastAsIs } of rows)
      expect(admitting.get(`${kind} ${namespace}/${name}`)).toContain(leastAsIs);
    expect(asIs).toBe(MEMBERS.filter(({ shape }) => shape !== 'as-root').length);
    expect(await readFile(page, 'utf8')).toContain(
      `it runs under anyuid, and ${aim} admits it as it is; 4 things to check first`,
    );
  }, 120_000);
}

/** What a row says of a workload as it is written, whether or not it runs. */
const written = ({ rows }: z.infer<typeof scanReportSchema>) =>
  rows.map(({ namespace, kind, name, serviceAccount, replicas, category, target, edits, patch, ...row }) => {
    const { leastAsIs, mayUse, ways, strategy, obstacles, podSecurityNow, podSecurityThen } = row;
    return {
      ...{ namespace, kind, name, serviceAccount, replicas, category, target, edits, patch, leastAsIs, mayUse },
      ...{ ways, strategy, obstacles, podSecurityNow, podSecurityThen },
    };
  });

/** The report that comes after it. */
export function reportedFleet(stackOf: () => Stack): void {
  it('is in a report that verifies, of which one changed byte is found, as one of the log is', async () => {
    const sccctl = sccctlOn(stackOf, () => folder);
    const { key } = await waitFor(
      async () =>
        configMapSchema.parse(await stackOf().api.get('/api/v1/namespaces/scc-system/configmaps/scc-audit-checkpoint'))
          .data,
      { timeoutMs: 30_000, what: 'the published key' },
    );
    const [json, log] = [path.join(folder, 'report.json'), path.join(folder, 'log.ndjson')];
    const made = await sccctl(ADMIN, 'report', '--from', '2020-01-01', '--key', key, '--out', json);
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(await sccctl(ADMIN, 'audit', 'export', log)).toMatchObject({ code: 0 });
    const verify = ['report', 'verify', json, '--key', key, '--export', log];
    expect((await sccctl(null, ...verify)).out).toMatch(/the whole log +clean\nverdict +valid/);
    const text = await readFile(json, 'utf8');
    expect(bodySchema.parse(JSON.parse(text)).document.claims.campaigns).toMatchObject([
      { name: 'fleet', outcome: 'completed', budgetSpent: [{ failed: 2, budget: 1 }] },
    ]);

    await writeFile(json, changed(text, text.indexOf('"body": "') + 20));
    expect((await sccctl(null, ...verify)).code).toBe(2);
    await writeFile(json, text);
    const lines = await readFile(log, 'utf8');
    await writeFile(log, changed(lines, lines.indexOf('"body":"', lines.length / 2) + 40));
    expect((await sccctl(null, ...verify)).code).toBe(2);
  }, 240_000);
}
