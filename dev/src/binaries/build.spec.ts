import { isGoNewEnough } from './build.js';
import { CATALOGUE } from './catalogue.js';
import { groupsOf, spoken } from './find.js';

describe('isGoNewEnough', () => {
  it.each([
    ['go1.26.0', true],
    ['go1.27rc1', true],
    ['go2.0', true],
    ['go1.25.9', false],
    ['none', false],
  ])('%s: %s', (version, expected) => {
    expect(isGoNewEnough(version)).toBe(expected);
  });
});

describe('groupsOf', () => {
  it('builds what shares packages one after the other, and the longest work first', () => {
    const groups = groupsOf(CATALOGUE).map((group) => group.map(({ name }) => name));
    expect(groups[0]).toEqual(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl']);
    expect(groups.map(([first]) => first)).toEqual([
      'kube-apiserver',
      'istiod',
      'temporal',
      'prometheus',
      'etcd',
      'envoy',
    ]);
  });
});

describe('spoken', () => {
  it.each([
    [0, '0 s'],
    [59.4, '59 s'],
    [60, '1 min 0 s'],
    [190, '3 min 10 s'],
  ])('%s seconds: %s', (seconds, expected) => {
    expect(spoken(seconds)).toBe(expected);
  });
});
