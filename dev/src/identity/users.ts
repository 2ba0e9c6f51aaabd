import { randomBytes } from 'node:crypto';

/** A user of the API server that is no ServiceAccount. */
interface User {
  name: string;
  groups: string[];
}

export const nodeName = (index: number): string => `node-${index + 1}`;
/** The node of the product's own pods: workloads stay away from it. */
export const CONTROL_PLANE = 'control-plane';

/** Makes PersistentVolumes. */
export const STORAGE_USER = 'provisioner';

/** The users that the API server knows by token: cluster components, and one person who may do everything. */
export const users = (nodes: number): User[] => [
  { name: 'admin', groups: ['system:masters'] },
  { name: 'system:kube-controller-manager', groups: [] },
  { name: 'system:kube-scheduler', groups: [] },
  { name: 'system:kube-proxy', groups: [] },
  { name: 'istiod', groups: [] },
  { name: STORAGE_USER, groups: [] },
  ...[CONTROL_PLANE, ...Array.from({ length: nodes }, (_, index) => nodeName(index))].map((name) => ({
    name: `system:node:${name}`,
    groups: ['system:nodes'],
  })),
];

export const randomToken = (): string => randomBytes(24).toString('hex');

/** The API server's token file. */
export const tokensCsv = (all: User[], tokens: Record<string, string>): string =>
  all.map(({ name, groups }) => `${tokens[name] ?? ''},${name},${name},"${groups.join(',')}"\n`).join('');
