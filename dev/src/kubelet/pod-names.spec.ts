import { aPod } from './pod.fixture.js';
import { PodNames } from './pod-names.js';

const member = (ordinal: number): ReturnType<typeof aPod>['pod'] =>
  aPod({ hostname: `sessions-${ordinal}`, subdomain: 'sessions' }, {}, { name: `sessions-${ordinal}` }).pod;

describe('the names of pods', () => {
  it('are those of the cluster’s DNS, and short within their namespace', () => {
    const names = new PodNames();
    names.add(member(0), '10.244.1.2');
    expect(names.linesFor('shop')).toEqual([
      '10.244.1.2 sessions-0.sessions.shop.svc.cluster.local sessions-0.sessions.shop.svc sessions-0.sessions.shop sessions-0.sessions',
    ]);
    expect(names.linesFor('other')[0]).not.toMatch(/sessions-0\.sessions$/);
  });

  it('go with a pod, but not with one whose name another has meanwhile', () => {
    const names = new PodNames();
    names.add(member(0), '10.244.1.2');
    names.add(member(0), '10.244.2.2');
    names.remove(member(0), '10.244.1.2');
    expect(names.linesFor('shop')[0]).toMatch(/^10\.244\.2\.2 /);
    names.remove(member(0), '10.244.2.2');
    expect(names.linesFor('shop')).toEqual([]);
  });

  it('are given to pods of a StatefulSet alone', () => {
    const names = new PodNames();
    names.add(aPod().pod, '10.244.1.2');
    expect(names.linesFor('shop')).toEqual([]);
  });
});
