/** Writes the generated manifests, or with `--check` fails when a committed one differs. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { stringify } from 'yaml';
import { chartDigest, committedRendering, PLATFORMS, renderForKustomize, renderingDigest } from '@scc/dev/chart';
import { clusterRoles } from '@scc/governance/cluster-roles';
import { ROLE_TABLE } from '@scc/governance/permissions';
import { campaignCRD, planCRD } from '@scc/plan';
import { defaultSCCs, type SecurityContextConstraints, sccCustomResourceDefinition } from '@scc/scc';
import { chartRights } from './chart-rights.ts';
import { codeTable, violationTable } from './code-tables.ts';
import { parseSchema, valuesFile, valuesTable } from './chart-values.ts';
import { environmentReference } from './environment.ts';

const manifest = (source: string, ...objects: readonly unknown[]): string =>
  `# Generated from ${source} by \`npm run generate\`.\n${objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n')}`;

/** What OpenShift's operators install beside SCC admission: the default SCCs, and a ClusterRole for the use of each. */
const RBAC = 'rbac.authorization.k8s.io';
const roleName = (scc: string): string => `system:openshift:scc:${scc}`;
const useRole = ({ metadata: { name } }: SecurityContextConstraints): unknown => ({
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRole',
  metadata: { name: roleName(name) },
  rules: [
    {
      apiGroups: ['security.openshift.io'],
      resources: ['securitycontextconstraints'],
      resourceNames: [name],
      verbs: ['use'],
    },
  ],
});
const forEveryone = (name: string): unknown => ({
  apiVersion: `${RBAC}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: { name: roleName(name) },
  roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: roleName(name) },
  subjects: [{ apiGroup: RBAC, kind: 'Group', name: 'system:authenticated' }],
});

const root = path.resolve(import.meta.dirname, '..');
const isCheck = process.argv.includes('--check');
const readText = (file: string): Promise<string> => readFile(path.join(root, file), 'utf8').catch(() => '');
let differing = 0;

const complain = (text: string): void => {
  console.error(`${text}: run npm run generate`);
  differing++;
};

/** Writes a generated file, or with `--check` says that the committed one differs. */
async function put(file: string, text: string): Promise<void> {
  if ((await readText(file)) === text) return;
  if (isCheck) {
    complain(`${file} differs from its source`);
    return;
  }
  const target = path.join(root, file);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, text);
  console.log(`wrote ${file}`);
}

/** A text with what stands between two marks replaced. @throws Error when the marks are not there */
function between(text: string, mark: string, content: string): string {
  const [start, end] = [`<!-- ${mark} -->`, `<!-- end of ${mark} -->`];
  const [before = '', rest] = text.split(start);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`there is no ${start} … ${end}`);
  return `${before}${start}\n\n${content}\n\n${end}${after}`;
}

await put(
  'docs/ENVIRONMENT.md',
  await format(environmentReference(), {
    parser: 'markdown',
    ...(await resolveConfig(path.join(root, 'docs/ENVIRONMENT.md'))),
  }),
);

const CHART = 'deploy/helm';
await put(`${CHART}/files/crds/sccmigrationplans.yaml`, manifest('libs/plan', planCRD()));
await put(`${CHART}/files/crds/sccmigrationcampaigns.yaml`, manifest('libs/plan', campaignCRD()));
await put(`${CHART}/files/crds/securitycontextconstraints.yaml`, manifest('libs/scc', sccCustomResourceDefinition()));
await put(`${CHART}/files/sccs/default-sccs.yaml`, manifest('libs/scc', ...defaultSCCs()));
await put(
  `${CHART}/files/sccs/cluster-roles.yaml`,
  manifest('libs/scc', ...defaultSCCs().map(useRole), ...['restricted-v2', 'restricted-v3'].map(forEveryone)),
);
await put(`${CHART}/files/access-roles.yaml`, manifest('apps/governance/src/access', ...clusterRoles(ROLE_TABLE)));

const schema = parseSchema(await readText(`${CHART}/values.schema.json`));
await put(`${CHART}/values.yaml`, valuesFile(schema));
const table = await format(valuesTable(schema), { parser: 'markdown' });
await put('docs/INSTALL.md', between(await readText('docs/INSTALL.md'), 'values of the chart', table.trim()));

const markdown = async (text: string): Promise<string> =>
  (await format(text, { parser: 'markdown', ...(await resolveConfig(path.join(root, 'docs/PLAN.md'))) })).trim();
await put(
  'docs/PLAN.md',
  between(await readText('docs/PLAN.md'), 'violations of a plan', await markdown(violationTable())),
);
await put(
  'docs/TROUBLESHOOTING.md',
  between(await readText('docs/TROUBLESHOOTING.md'), 'codes', await markdown(codeTable())),
);

/** Writes a rendering in place of the committed one. @returns its digest */
async function renderAgain(platform: (typeof PLATFORMS)[number]): Promise<string> {
  const rendered = await renderForKustomize(platform, (line) => console.log(line));
  for (const name of (await committedRendering(platform)).keys())
    if (!rendered.has(name)) await rm(path.join(root, 'deploy/kustomize', platform, name));
  for (const [name, text] of rendered) await put(`deploy/kustomize/${platform}/${name}`, text);
  return renderingDigest(rendered);
}

/** Renderings take Helm, which takes minutes to build: while nothing has changed, digests tell so. */
const STAMP = 'deploy/kustomize/rendered.json';
const stamp = JSON.parse((await readText(STAMP)) || '{}') as Record<string, string>;
const chart = await chartDigest();
const isStale = stamp['chart'] !== chart;
const changed = new Set<string>();
for (const platform of PLATFORMS)
  if (stamp[platform] !== renderingDigest(await committedRendering(platform))) changed.add(platform);
if (isCheck) {
  if (isStale) complain('deploy/helm has changed since deploy/kustomize was rendered');
  for (const platform of changed) complain(`deploy/kustomize/${platform} differs from what the chart renders`);
} else if (isStale || changed.size > 0) {
  const next: Record<string, string> = { chart };
  for (const platform of PLATFORMS) next[platform] = await renderAgain(platform);
  await put(STAMP, `${JSON.stringify(next, null, 2)}\n`);
}

/** By which `sccctl check` compares what the accounts of an installation may do. */
const RIGHTS = 'apps/cli/src/check/chart-rights.ts';
const rights: Record<(typeof PLATFORMS)[number], string[]> = { kubernetes: [], openshift: [] };
for (const platform of PLATFORMS) {
  const rendering = [...(await committedRendering(platform))].filter(([name]) => name.startsWith('rbac-'));
  rights[platform] = chartRights(rendering.map(([, text]) => text));
}
const both = rights.kubernetes.filter((right) => rights.openshift.includes(right));
const only = (platform: (typeof PLATFORMS)[number]): string[] =>
  rights[platform].filter((right) => !both.includes(right));
await put(
  RIGHTS,
  await format(
    `// Generated from deploy/helm by \`npm run generate\`.\n\n/** The rights that the chart gives its ServiceAccounts, by platform: account, role, namespace, group, resource, name, verbs. */\nexport const CHART_RIGHTS: Readonly<Record<'both' | 'kubernetes' | 'openshift', readonly string[]>> = ${JSON.stringify({ both, kubernetes: only('kubernetes'), openshift: only('openshift') })};\n`,
    { parser: 'typescript', ...(await resolveConfig(path.join(root, RIGHTS))) },
  ),
);
process.exitCode = differing > 0 ? 1 : 0;
