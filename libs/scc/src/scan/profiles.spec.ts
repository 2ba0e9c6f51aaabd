import { describe, expect, it } from '@jest/globals';
import { collectObjects, type ListKind } from './collect.js';
import { evidenceSentence } from './evidence-words.js';
import { inventoryOf } from './inventory.js';
import type { ClusterObject } from './objects.js';
import { aNamespace, anObject, aWorkload } from './objects.fixture.js';
import { aimOf, scan } from './scan.js';

const labels = {
  'kubescape.io/workload-kind': 'Deployment',
  'kubescape.io/workload-name': 'a',
  'kubescape.io/workload-namespace': 'shop',
  'kubescape.io/workload-container-name': 'app',
};
const aProfile = (spec: object, annotations: Record<string, string> = {}, kind = 'ContainerProfile'): ClusterObject =>
  anObject({
    apiVersion: 'spdx.softwarecomposition.kubescape.io/v1beta1',
    kind,
    metadata: { name: 'p', namespace: 'shop', labels, annotations },
    spec,
  });
const COMPLETE = { 'kubescape.io/status': 'completed', 'kubescape.io/completion': 'complete' };

function evidenceFor(...profiles: ClusterObject[]) {
  const inventory = inventoryOf([aNamespace('shop'), aWorkload('a'), aWorkload('b'), ...profiles]);
  const aim = aimOf(inventory, undefined);
  if (!aim) throw new Error('no aim');
  return scan(inventory, aim).rows.map(({ evidence }) => evidence.map(evidenceSentence));
}

describe('what profiles of others show', () => {
  it.each<[string, ClusterObject[], string[]]>([
    [
      'a container from its start: checks, which are no needs',
      [aProfile({ capabilities: ['SETUID', 'NET_RAW', 'SETUID'] }, COMPLETE)],
      [
        'app: ContainerProfile p of Kubescape (completed, from its start on) saw it checked for NET_RAW, SETUID; a check is not a need',
      ],
    ],
    [
      'one that joined later, and learns on',
      [aProfile({}, { 'kubescape.io/status': 'learning', 'kubescape.io/completion': 'partial' })],
      ['app: ContainerProfile p of Kubescape (learning, not from its start) saw it checked for no capability'],
    ],
    [
      'one that says nothing of itself',
      [aProfile({})],
      ['app: ContainerProfile p of Kubescape (unknown, not from its start) saw it checked for no capability'],
    ],
    [
      'all containers of a workload',
      [
        aProfile(
          { initContainers: [{ name: 'first', capabilities: ['CHOWN'] }], containers: [{ name: 'app' }] },
          COMPLETE,
          'ApplicationProfile',
        ),
      ],
      [
        'first: ApplicationProfile p of Kubescape (completed, from its start on) saw it checked for CHOWN; a check is not a need',
        'app: ApplicationProfile p of Kubescape (completed, from its start on) saw it checked for no capability',
      ],
    ],
    ['nothing where it is broken', [aProfile({ capabilities: 'all' }, COMPLETE, 'ApplicationProfile')], []],
  ])('%s', (_case, profiles, expected) => {
    expect(evidenceFor(...profiles)).toEqual([expected, []]);
  });

  it('are read of a cluster where they are asked for, with their content and without their records', async () => {
    const asked: string[] = [];
    const list: ListKind = ({ kind, resourceVersion }) => {
      if (kind.endsWith('Profile')) asked.push(`${kind} ${resourceVersion ?? ''}`);
      const spec = { capabilities: ['CHOWN'], opens: [{ path: '/etc/passwd' }] };
      return Promise.resolve({ items: kind === 'ContainerProfile' ? [aProfile(spec)] : [], refused: null });
    };
    expect((await collectObjects(list, [])).objects).toEqual([]);
    const { objects } = await collectObjects(list, [], { profiles: true });
    expect(new Set(asked)).toEqual(
      new Set(['ContainerProfile fullSpec', 'SeccompProfile ', 'SelinuxProfile ', 'AppArmorProfile ']),
    );
    expect(objects.map(({ spec }) => spec)).toEqual([{ capabilities: ['CHOWN'] }]);
  });
});
