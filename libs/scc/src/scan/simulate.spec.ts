import { compareScans } from './compare.js';
import { inventoryOf } from './inventory.js';
import { aGrant, aNamespace, anObject, aPod, aWorkload, ownedBy } from './objects.fixture.js';
import type { ClusterObject } from './objects.js';
import { aimOf, scan } from './scan.js';
import { type SimulatedChange, withChange } from './simulate.js';

const shop = aNamespace('shop');
const root = { securityContext: { runAsUser: 0 } };
const [a, b] = [aWorkload('a', { container: root }), aWorkload('b')];
const cluster = [
  shop,
  a,
  b,
  aGrant('a', 'anyuid'),
  ownedBy(aPod('a-0', 'anyuid'), a),
  ownedBy(aPod('b-0', 'restricted-v2'), b),
];

function scanOf(objects: readonly ClusterObject[]) {
  const inventory = inventoryOf(objects);
  const aim = aimOf(inventory, undefined);
  if (!aim) throw new Error('no aim');
  return scan(inventory, aim);
}

const strict = inventoryOf([]).sccs.byName.get('restricted-v2')?.source;
const open = anObject({
  apiVersion: 'security.openshift.io/v1',
  kind: 'SecurityContextConstraints',
  ...strict,
  metadata: { name: 'restricted-v2' },
  runAsUser: { type: 'RunAsAny' },
});
const mine = anObject({
  ...open,
  metadata: { name: 'mine' },
  priority: 100,
  groups: ['system:authenticated'],
});

describe('withChange', () => {
  it.each<[string, SimulatedChange, object[]]>([
    [
      'a binding is removed',
      { change: 'delete-binding', namespace: 'shop', name: 'a-anyuid' },
      [{ workload: 'Deployment shop/a', change: 'changed', details: ['next restart: anyuid → refused'] }],
    ],
    [
      'an SCC is deleted',
      { change: 'delete-scc', name: 'anyuid' },
      [
        {
          workload: 'Deployment shop/a',
          change: 'changed',
          details: expect.arrayContaining(['next restart: anyuid → refused']) as unknown,
        },
      ],
    ],
    [
      'an SCC of higher priority is added',
      { change: 'apply', object: mine },
      [
        {
          workload: 'Deployment shop/a',
          change: 'changed',
          details: expect.arrayContaining(['next restart: anyuid → mine']) as unknown,
        },
        {
          workload: 'Deployment shop/b',
          change: 'changed',
          details: expect.arrayContaining(['next restart: restricted-v2 → mine']) as unknown,
        },
      ],
    ],
    ['a priority that changes nothing is set', { change: 'set-priority', name: 'anyuid', priority: null }, []],
  ])('%s', (_case, change, expected) => {
    expect(compareScans(scanOf(cluster), scanOf(withChange(cluster, change)))).toEqual(expected);
  });

  it('takes the default SCCs of a release, and leaves the others', () => {
    const image = aWorkload('c', { pod: { volumes: [{ name: 'model', image: { reference: 'model:1' } }] } });
    const own = withChange([...cluster, image], { change: 'apply', object: { ...mine, priority: null } });
    const older = withChange(own, { change: 'default-sccs', release: '4.19' });
    expect(compareScans(scanOf(own), scanOf(older))).toEqual([
      {
        workload: 'Deployment shop/c',
        change: 'changed',
        details: expect.arrayContaining([expect.stringMatching(/^next restart: restricted-v2 → /)]) as unknown,
      },
    ]);
    const names = inventoryOf(older).definitions.map(({ metadata }) => metadata.name);
    expect(names).toContain('mine');
    expect(names).not.toContain('restricted-v3');
    const newer = withChange(older, { change: 'default-sccs', release: '4.20' });
    expect(compareScans(scanOf(own), scanOf(newer))).toEqual([]);
  });

  it('puts an SCC in the place of the one of its name', () => {
    const changed = inventoryOf(withChange(cluster, { change: 'apply', object: open }));
    expect(changed.sccs.byName.get('restricted-v2')?.runAsUser).toEqual({ type: 'RunAsAny' });
    expect(changed.definitions).toHaveLength(inventoryOf([]).definitions.length);
  });

  it.each<[SimulatedChange, string]>([
    [{ change: 'delete-scc', name: 'nothing' }, 'there is no SCC nothing'],
    [{ change: 'set-priority', name: 'nothing', priority: 1 }, 'there is no SCC nothing'],
    [{ change: 'default-sccs', release: '4.99' }, 'the default SCCs of OpenShift 4.99 are not known'],
    [{ change: 'delete-binding', namespace: null, name: 'a-anyuid' }, 'there is no binding a-anyuid'],
  ])('refuses what is not there: %j', (change, message) => {
    expect(() => withChange(cluster, change)).toThrow(message);
  });
});

describe('compareScans', () => {
  it('names workloads that came and went', () => {
    const before = scanOf([shop, a]);
    const after = scanOf([shop, b]);
    expect(compareScans(before, after)).toEqual([
      { workload: 'Deployment shop/a', change: 'removed', details: [] },
      {
        workload: 'Deployment shop/b',
        change: 'added',
        details: expect.arrayContaining(['runs under: restricted-v2']) as unknown,
      },
    ]);
    expect(compareScans(before, before)).toEqual([]);
  });
});
