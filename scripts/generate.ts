/** Writes the generated manifests, or with `--check` fails when a committed one differs. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { stringify } from 'yaml';
import { clusterRoles } from '@scc/governance/cluster-roles';
import { ROLE_TABLE } from '@scc/governance/permissions';
import { planCRD } from '@scc/plan';
import { defaultSCCs, type SecurityContextConstraints, sccCustomResourceDefinition } from '@scc/scc';

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

const files = {
  'deploy/crd/sccmigrationplans.yaml': manifest('libs/plan', planCRD()),
  'deploy/crd/securitycontextconstraints.yaml': manifest('libs/scc', sccCustomResourceDefinition()),
  'deploy/scc/default-sccs.yaml': manifest('libs/scc', ...defaultSCCs()),
  'deploy/scc/cluster-roles.yaml': manifest(
    'libs/scc',
    ...defaultSCCs().map(useRole),
    ...['restricted-v2', 'restricted-v3'].map(forEveryone),
  ),
  'deploy/rbac/access-roles.yaml': manifest('apps/governance/src/access', ...clusterRoles(ROLE_TABLE)),
};
let differing = 0;
for (const [file, text] of Object.entries(files)) {
  const target = path.resolve(import.meta.dirname, '..', file);
  if (process.argv.includes('--check')) {
    if ((await readFile(target, 'utf8').catch(() => '')) === text) continue;
    console.error(`${file} differs from its source: run npm run generate`);
    differing++;
  } else {
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text);
    console.log(`wrote ${file}`);
  }
}
process.exitCode = differing > 0 ? 1 : 0;
