import { describe, expect, it } from '@jest/globals';
import { collectObjects } from './collect.js';
import { evidenceSentence } from './evidence-words.js';
import { inventoryOf } from './inventory.js';
import type { ClusterObject } from './objects.js';
import { aNamespace, anObject, aWorkload } from './objects.fixture.js';
import { aimOf, scan } from './scan.js';

const GROUP = 'security-profiles-operator.x-k8s.io';
const aRecording = (podSelector: object): ClusterObject =>
  anObject({
    apiVersion: `${GROUP}/v1alpha1`,
    kind: 'ProfileRecording',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { kind: 'SeccompProfile', recorder: 'bpf', podSelector },
  });

interface Parts {
  kind?: string;
  name?: string;
  labels?: Record<string, string>;
  /** Cluster-scoped where it is null. */
  namespace?: string | null;
}
function aProfile(spec: object, { kind = 'SeccompProfile', name = 'web-app', labels, namespace = 'shop' }: Parts = {}) {
  const own = labels ?? { 'spo.x-k8s.io/recording-id': 'web', 'spo.x-k8s.io/container-id': 'app' };
  const metadata = { name, labels: own, ...(namespace === null ? {} : { namespace }) };
  return anObject({ apiVersion: `${GROUP}/v1`, kind, metadata, spec });
}
const calls = {
  defaultAction: 'SCMP_ACT_ERRNO',
  syscalls: [
    { action: 'SCMP_ACT_ALLOW', names: ['read', 'write', 'read'] },
    { action: 'SCMP_ACT_LOG', names: ['bpf'] },
  ],
};
const ofA = { matchLabels: { app: 'a' } };

/** The evidence of two workloads, a and b. */
function evidenceFor(objects: readonly ClusterObject[], container: object = {}): string[][] {
  const inventory = inventoryOf([aNamespace('shop'), aWorkload('a', { container }), aWorkload('b'), ...objects]);
  const aim = aimOf(inventory, undefined);
  if (!aim) throw new Error('no aim');
  return scan(inventory, aim).rows.map(({ evidence }) => evidence.map(evidenceSentence));
}
const TAIL = 'other times may need more';

describe('what recordings show', () => {
  it.each<[string, ClusterObject[], string[]]>([
    [
      'the system calls of a merged profile, whose name ends with the container',
      [aRecording(ofA), aProfile(calls, { labels: { 'spo.x-k8s.io/recording-id': 'web' } })],
      [`app: SeccompProfile web-app (recording web, merged or of its only pod) holds 2 system calls; ${TAIL}`],
    ],
    [
      'a profile of one pod that belongs to no namespace',
      [
        aRecording(ofA),
        aProfile(calls, {
          namespace: null,
          labels: {
            'spo.x-k8s.io/recording-id': 'web',
            'spo.x-k8s.io/recording-namespace': 'shop',
            'spo.x-k8s.io/container-id': 'app',
            'spo.x-k8s.io/partial': 'true',
          },
        }),
      ],
      [`app: SeccompProfile web-app (recording web, of one pod) holds 2 system calls; ${TAIL}`],
    ],
    [
      'SELinux types and capabilities',
      [
        aRecording({ matchExpressions: [{ key: 'app', operator: 'In', values: ['a', 'c'] }] }),
        aProfile({ allow: { '@self': {}, redis_port_t: {}, http_port_t: {} } }, { kind: 'SelinuxProfile' }),
        aProfile(
          { abstract: { capability: { allowedCapabilities: ['net_bind_service', 'chown'] } } },
          { kind: 'AppArmorProfile' },
        ),
      ],
      [
        `app: SelinuxProfile web-app (recording web, merged or of its only pod) holds the SELinux types http_port_t, redis_port_t; ${TAIL}`,
        `app: AppArmorProfile web-app (recording web, merged or of its only pod) holds the capabilities CHOWN, NET_BIND_SERVICE; ${TAIL}`,
      ],
    ],
    [
      'once what two versions of the API list',
      [aRecording(ofA), aProfile(calls), aProfile(calls)],
      [`app: SeccompProfile web-app (recording web, merged or of its only pod) holds 2 system calls; ${TAIL}`],
    ],
    ['nothing of another namespace', [aRecording(ofA), aProfile(calls, { namespace: 'bank' })], []],
    [
      'nothing of another container',
      [
        aRecording(ofA),
        aProfile(calls, { labels: { 'spo.x-k8s.io/recording-id': 'web', 'spo.x-k8s.io/container-id': 'side' } }),
      ],
      [],
    ],
    ['nothing that was written by hand', [aRecording(ofA), aProfile(calls, { labels: {} })], []],
    ['nothing where the recording selects neither', [aRecording({ matchLabels: { app: 'c' } }), aProfile(calls)], []],
  ])('%s', (_case, objects, expected) => {
    expect(evidenceFor(objects)).toEqual([expected, []]);
  });

  it('counts for those that run under the profile where the recording is gone', () => {
    const securityContext = { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/shop/web-app.json' } };
    const [a, b] = evidenceFor([aProfile(calls)], { securityContext });
    expect(a).toEqual([expect.stringContaining('SeccompProfile web-app')]);
    expect(b).toEqual([]);
  });

  it('are read of the whole cluster, without the files that they name', async () => {
    const asked: (string | undefined)[] = [];
    const spec = { abstract: { filesystem: { readOnlyPaths: ['/etc/passwd'] }, capability: {} } };
    const { objects } = await collectObjects(
      ({ kind }, namespace) => {
        if (kind === 'AppArmorProfile') asked.push(namespace);
        return Promise.resolve({ items: kind === 'AppArmorProfile' ? [aProfile(spec, { kind })] : [], refused: null });
      },
      ['shop'],
      { profiles: true },
    );
    expect(asked).toEqual([undefined, undefined]);
    expect(JSON.stringify(objects)).not.toContain('passwd');
  });
});
