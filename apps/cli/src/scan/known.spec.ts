import { aimOf, inventoryOf, scan } from '@scc/scc/scan';
import { objectsOf } from './files.js';

/**
 * What well-known projects ask of their pods, in the words of the security settings alone, as their charts render them
 * with their defaults. Each row was worked out by hand from the default SCCs of OpenShift: the category, the least
 * privileged SCC that admits it as it is, the SCC it can reach, the number of
 * edits, and what is sure to break after them.
 */

interface Known {
  kind?: string;
  pod?: object;
  containers: { name: string; context?: object; ports?: object[]; mounts?: string[] }[];
  init?: { name: string; context?: object }[];
}

const root = { runAsUser: 0 };
const hardened = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  readOnlyRootFilesystem: true,
};
const path = (name: string, at: string) => ({ name, hostPath: { path: at } });
const claim = { name: 'data', persistentVolumeClaim: { claimName: 'data' } };

const KNOWN: [project: string, asks: Known, says: string][] = [
  ['a web server with the defaults of its image', { containers: [{ name: 'web' }] }, 'Strict restricted-v2 - 0'],
  [
    'a certificate manager that drops everything',
    {
      pod: { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } },
      containers: [{ name: 'controller', context: hardened }],
    },
    'Strict restricted-v2 - 0',
  ],
  [
    'a controller of ingresses that binds low ports under its own id',
    {
      containers: [
        {
          name: 'controller',
          context: {
            runAsUser: 101,
            runAsNonRoot: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
          },
        },
      ],
    },
    'Patch nonroot-v2 restricted-v2 1',
  ],
  [
    'metrics of the state of objects under nobody',
    {
      pod: { securityContext: { runAsUser: 65534, runAsGroup: 65534, fsGroup: 65534, runAsNonRoot: true } },
      containers: [{ name: 'metrics', context: hardened }],
    },
    'Patch nonroot-v2 restricted-v2 2',
  ],
  [
    'metrics of nodes, which see the node itself',
    {
      kind: 'DaemonSet',
      pod: {
        hostNetwork: true,
        hostPID: true,
        volumes: [path('proc', '/proc'), path('sys', '/sys'), path('root', '/')],
      },
      containers: [{ name: 'exporter', context: { readOnlyRootFilesystem: true } }],
    },
    'Patch hostaccess hostmount-anyuid 2, and breaks by host-resources-withdrawn, host-resources-withdrawn',
  ],
  [
    'a collector of logs that runs as root over the files of the node',
    {
      kind: 'DaemonSet',
      pod: { volumes: [path('logs', '/var/log')] },
      containers: [{ name: 'collector', context: root }],
    },
    'Never hostmount-anyuid - 0',
  ],
  [
    'a network plugin that is privileged on the network of the node',
    {
      kind: 'DaemonSet',
      pod: { hostNetwork: true, volumes: [path('run', '/var/run')] },
      containers: [{ name: 'agent', context: { privileged: true } }],
    },
    'Patch privileged hostmount-anyuid 2, and breaks by host-resources-withdrawn',
  ],
  [
    'a database that names its user and group',
    {
      kind: 'StatefulSet',
      pod: { securityContext: { fsGroup: 1001 }, volumes: [claim] },
      containers: [{ name: 'db', context: { runAsUser: 1001, runAsNonRoot: true, ...hardened } }],
    },
    'Volume nonroot-v2 restricted-v2 2',
  ],
  [
    'a search engine whose init container sets a sysctl as root',
    {
      kind: 'StatefulSet',
      pod: { securityContext: { fsGroup: 1000, runAsUser: 1000 } },
      init: [{ name: 'sysctl', context: { privileged: true, runAsUser: 0 } }],
      containers: [
        { name: 'search', context: { capabilities: { drop: ['ALL'] }, runAsNonRoot: true, runAsUser: 1000 } },
      ],
    },
    'Patch privileged restricted-v2 5',
  ],
  [
    'dashboards under an id of their own',
    {
      pod: { securityContext: { runAsUser: 472, runAsGroup: 472, fsGroup: 472, runAsNonRoot: true } },
      containers: [
        { name: 'dashboards', context: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } },
      ],
    },
    'Patch nonroot-v2 restricted-v2 2',
  ],
  [
    'a store of volumes that is privileged over the directories of the node',
    {
      kind: 'DaemonSet',
      pod: { volumes: [path('dev', '/dev')] },
      containers: [{ name: 'manager', context: { privileged: true } }],
    },
    'Patch privileged hostmount-anyuid 1',
  ],
  [
    'a build agent that runs containers in its container',
    { containers: [{ name: 'daemon', context: { privileged: true } }, { name: 'agent' }] },
    'Patch privileged restricted-v2 1',
  ],
  [
    'a resolver of names on the network of the node that may change it',
    {
      kind: 'DaemonSet',
      pod: { hostNetwork: true },
      containers: [{ name: 'resolver', context: { capabilities: { add: ['NET_ADMIN'] } } }],
    },
    'Patch privileged restricted-v2 2, and breaks by host-resources-withdrawn',
  ],
];

describe('what a scan says of well-known projects', () => {
  it.each(KNOWN)('%s', (_project, { kind = 'Deployment', pod = {}, containers, init }, says) => {
    const made = (list: Known['containers']) =>
      list.map(({ name, context }) => ({ name, image: 'i', ...(context ? { securityContext: context } : {}) }));
    const spec = { ...pod, containers: made(containers), ...(init ? { initContainers: made(init) } : {}) };
    const object = {
      apiVersion: 'apps/v1',
      kind,
      metadata: { name: 'a', namespace: 'a' },
      spec: { template: { spec } },
    };
    const inventory = inventoryOf(objectsOf(JSON.stringify(object), 'here').objects);
    const aim = aimOf(inventory, undefined);
    const [row, ...others] = aim ? scan(inventory, aim).rows : [];
    if (!row || others.length > 0) throw new Error('not one row');
    const { category, leastAsIs, target, edits, risks } = row;
    const sure = risks.flatMap(({ name, uncertain }) => (uncertain ? [] : [name])).sort();
    const breaks = sure.length > 0 ? `, and breaks by ${sure.join(', ')}` : '';
    expect(`${category} ${leastAsIs ?? 'none'} ${target ?? '-'} ${edits.length}${breaks}`).toBe(says);
  });
});
