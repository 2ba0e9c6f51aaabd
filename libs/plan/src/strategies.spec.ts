import { chooseStrategy, fitsKind, fitsWorkload, type Strategy, type StrategyFacts } from './strategies.js';

describe('chooseStrategy', () => {
  const plain: StrategyFacts = { kind: 'Deployment', services: ['web'], claims: [], replicas: 3 };
  const alone = [{ name: 'data', accessModes: ['ReadWriteOnce'] }];
  it.each<[string, Partial<StrategyFacts>, Strategy, string]>([
    ['a Deployment behind a Service', {}, 'Canary', 'weight by weight'],
    ['one with a claim that many may mount', { claims: [{ name: 'd', accessModes: ['ReadWriteMany'] }] }, 'Canary', ''],
    ['one without a Service', { services: [] }, 'Rolling', 'no Service picks its pods'],
    ['one with a claim of one node', { claims: alone }, 'Rolling', 'could not share the claim data (ReadWriteOnce)'],
    ['one that asks for it', { asked: 'Rolling' }, 'Rolling', 'the plan asks for it'],
    ['one that asks for a canary', { asked: 'Canary', services: [], claims: alone }, 'Canary', ''],
    ['a StatefulSet without a Service', { kind: 'StatefulSet', services: [] }, 'Ordered', ''],
    ['a CronJob with a claim of one node', { kind: 'CronJob', claims: alone }, 'NextRun', ''],
    ['a Deployment that is scaled to zero', { replicas: 0 }, 'NextRun', 'it runs no pod'],
    ['one that asks for its pods one by one', { replicas: 0, asked: 'Rolling' }, 'NextRun', ''],
    ['one that asks for a canary all the same', { replicas: 0, asked: 'Canary' }, 'Canary', ''],
    ['a StatefulSet that is scaled to zero', { kind: 'StatefulSet', replicas: 0 }, 'NextRun', 'first pods'],
    ['a DaemonSet without a node', { kind: 'DaemonSet', replicas: 0 }, 'NextRun', ''],
  ])('of %s', (_case, facts, type, words) => {
    expect(chooseStrategy({ ...plain, ...facts })).toEqual({ type, reason: expect.stringContaining(words) as string });
  });
});

describe('fitsKind', () => {
  it('lets a Deployment be moved in two ways, and any other kind in one', () => {
    expect(fitsKind('Deployment', 'Rolling')).toBe(true);
    expect(fitsKind('Deployment', 'Ordered')).toBe(false);
    expect(fitsKind('StatefulSet', 'Ordered')).toBe(true);
    expect(fitsKind('StatefulSet', 'Rolling')).toBe(false);
  });

  it('lets any kind change before its first pods while it has none, and not while it has', () => {
    expect(fitsWorkload('Deployment', 'NextRun', 0)).toBe(true);
    expect(fitsWorkload('Deployment', 'NextRun', 1)).toBe(false);
    expect(fitsWorkload('Deployment', 'Ordered', 0)).toBe(false);
    expect(fitsWorkload('StatefulSet', 'Ordered', 3)).toBe(true);
  });
});
