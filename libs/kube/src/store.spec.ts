import type { KubeObject } from './object.js';
import { ObjectStore, type StoreChange } from './store.js';

const pod = (name: string, resourceVersion: string, uid = `uid-of-${name}`): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name, uid, resourceVersion },
});
const said = ({ key, current, previous }: StoreChange): string[] => [
  key,
  previous?.metadata.resourceVersion ?? 'new',
  current?.metadata.resourceVersion ?? 'gone',
];
const filled = (): ObjectStore => {
  const store = new ObjectStore();
  for (const object of [pod('a', '1'), pod('b', '2')]) store.set(object);
  return store;
};

describe('object store', () => {
  it.each<[string, KubeObject[], string[][]]>([
    ['says nothing about what is the same', [pod('a', '1'), pod('b', '2')], []],
    ['finds what was added', [pod('a', '1'), pod('b', '2'), pod('c', '3')], [['shop/c', 'new', '3']]],
    ['finds what was changed', [pod('a', '9'), pod('b', '2')], [['shop/a', '1', '9']]],
    ['finds what was deleted while no watch was open', [pod('b', '2')], [['shop/a', '1', 'gone']]],
    ['tells of an object that was made again', [pod('a', '1', 'other'), pod('b', '2')], [['shop/a', '1', '1']]],
    [
      'tells of deletions first',
      [pod('c', '3')],
      [
        ['shop/a', '1', 'gone'],
        ['shop/b', '2', 'gone'],
        ['shop/c', 'new', '3'],
      ],
    ],
  ])('%s', (_case, listed, expected) => {
    expect([...filled().replace(listed)].map(said)).toEqual(expected);
  });

  it('holds a change before it is told', () => {
    const store = filled();
    for (const { key, current } of store.replace([pod('a', '9'), pod('c', '3')])) expect(store.get(key)).toBe(current);
    expect(store.list().map(({ metadata }) => metadata.name)).toEqual(['a', 'c']);
  });

  it('says nothing about the deletion of what it does not know', () => {
    expect(filled().delete('shop/z')).toBeUndefined();
  });
});
