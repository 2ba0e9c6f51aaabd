import type { KubeClient, KubeObject } from '@scc/kube';
import { canaryLabels } from '@scc/plan';
import { aWholeTarget } from '@scc/migration/testing';
import { noMetrics, type MetricReading } from '../outside/prometheus.js';
import { judgeNewest, judgeQuiet, judgeRun, judgeSides, judgeUnseen, refusalsIn, type SideSeen } from './quiet.js';

const side = (over: Partial<SideSeen> = {}): SideSeen => ({ pods: 3, unready: [], restarts: 0, refusals: 0, ...over });

describe('refusalsIn', () => {
  it.each([
    ["Error: EACCES: permission denied, open '/data/x'", 1],
    ['mkdir: cannot create directory: Permission denied', 1],
    ['bind: Operation not permitted', 1],
    ['errno=EPERM', 1],
    ['touch: /x: Read-only file system', 1],
    ['the user has no permission for this order', 0],
    ['one\nEACCES\ntwo\nEPERM', 2],
  ])('%j', (log, expected) => {
    expect(refusalsIn(log)).toBe(expected);
  });
});

describe('judgeNewest', () => {
  const one = (over: Partial<SideSeen> = {}): SideSeen => side({ pods: 1, ...over });
  it.each<[string, SideSeen | null, SideSeen, boolean]>([
    ['a pod with which nothing is wrong', one(), side(), true],
    ['one that was started again', one({ restarts: 1 }), side(), false],
    ['one that is not ready any more', one({ unready: ['db-2'] }), side(), false],
    ['another one that is not ready since', one(), side({ unready: ['db-0'] }), false],
    ['permission errors that the others do not have', one({ refusals: 1 }), side(), false],
    ['permission errors as the others have them', one({ refusals: 2 }), side({ pods: 2, refusals: 4 }), true],
    ['permission errors of the only pod', one({ refusals: 1 }), side({ pods: 0, refusals: null }), false],
    ['restarts of the others, which are older than the migration', one(), side({ restarts: 7 }), true],
    ['a log that cannot be read', one({ refusals: null }), side(), true],
    ['no pod, where the set has become smaller', null, side(), true],
  ])('%s', (_case, newest, rest, expected) => {
    expect(judgeNewest(newest, rest).isGood).toBe(expected);
  });
});

describe('judgeRun', () => {
  const podOf = (name: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', uid: name },
    spec: {},
    status: { phase: 'Failed', containerStatuses: [{ name: 'app' }] },
  });
  const kube = { logs: ({ name }: { name: string }) => Promise.resolve(name.startsWith('bad') ? 'EACCES\n' : 'ok\n') };
  it.each<[string, string[], string[], boolean]>([
    ['a log with nothing in it', ['good'], ['good'], false],
    ['permission errors that the run before had not', ['bad'], ['good'], true],
    ['permission errors as in the run before', ['bad'], ['bad'], false],
    ['permission errors of two tries, one in each, as in the run before', ['bad-1', 'bad-2'], ['bad'], false],
    ['permission errors where no run before is known', ['bad'], [], true],
    ['no pod yet', [], ['good'], false],
  ])('%s', async (_case, now, before, isWorse) => {
    expect((await judgeRun(kube, now.map(podOf), before.map(podOf))).isWorse).toBe(isWorse);
  });
});

describe('judgeSides', () => {
  it.each<[string, SideSeen, SideSeen, boolean]>([
    ['pods with which nothing is wrong', side(), side(), true],
    ['no pod', side({ pods: 0 }), side(), false],
    ['a pod that is not ready', side({ unready: ['a'] }), side(), false],
    ['a container that was started again', side({ restarts: 1 }), side(), false],
    ['permission errors that are new', side({ refusals: 1 }), side(), false],
    ['permission errors as the workload has them', side({ refusals: 3 }), side({ refusals: 3 }), true],
    ['more of them in each pod', side({ pods: 1, refusals: 3 }), side({ refusals: 3 }), false],
    ['logs that cannot be read', side({ refusals: null }), side(), true],
  ])('%s', (_case, canary, stable, expected) => {
    expect(judgeSides(canary, stable).isGood).toBe(expected);
  });

  it('says what it judged, and what it could not read', () => {
    expect(judgeSides(side({ refusals: null }), side()).detail).toBe(
      'no request was seen, judged by readiness, restarts and permission errors in logs of 3 pods: nothing is wrong; its logs could not be read',
    );
  });
});

describe('judgeQuiet', () => {
  const target = aWholeTarget();
  const owned = (uid: string) => ({
    uid,
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'x', name: 'x', uid: `of-${uid}`, controller: true }],
  });
  const pod = (name: string, labels: Record<string, string>): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', labels, ...owned(name) },
    spec: {},
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'app', restartCount: 0 }],
    },
  });
  const of = (kind: string, uid: string, metadata: object): KubeObject => ({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: uid, namespace: 'shop', ...metadata },
    spec: { selector: { matchLabels: { app: target.label.stable } }, template: { spec: { containers: [] } } },
  });
  const replicaSet = of('ReplicaSet', 'of-stable', {
    uid: 'of-stable',
    ownerReferences: owned('of-stable').ownerReferences,
  });
  const kube = (logs: Record<string, string>): Pick<KubeClient, 'get' | 'list' | 'logs'> => ({
    get: () => Promise.resolve(of('Deployment', 'ledger', { uid: 'of-of-stable' })),
    list: ({ kind }) =>
      Promise.resolve({
        items:
          kind === 'ReplicaSet'
            ? [replicaSet]
            : [
                pod('canary', { app: target.label.canary, ...canaryLabels(target.ref.name) }),
                pod('stable', { app: target.label.stable }),
                pod('other', { app: 'x' }),
                pod('job', { app: target.label.stable }),
              ],
        resourceVersion: '1',
      }),
    logs: ({ name }) => Promise.resolve(logs[name] ?? ''),
  });

  it.each<[string, Record<string, string>, boolean, boolean]>([
    ['quiet logs', {}, false, true],
    ['an error of the canary', { canary: 'EACCES' }, false, false],
    ['an error of both', { canary: 'EACCES', stable: 'EACCES' }, false, true],
    ['an error of somebody else', { other: 'EACCES' }, false, true],
    ['an error of a pod with the labels of the workload and another owner', { job: 'EACCES' }, true, true],
    ['an error of the workload that requests have returned to', { stable: 'EACCES' }, true, false],
    ['an error of the canary that requests have left', { canary: 'EACCES' }, true, true],
  ])('compares both sides: %s', async (_case, logs, isReturned, expected) => {
    const judged = judgeQuiet(kube(logs), target, { sinceMs: Date.now(), isReturned });
    await expect(judged).resolves.toMatchObject({ isGood: expected });
  });

  const isQuiet: MetricReading = { noData: 'no request was counted', isQuiet: true };
  it.each([
    ['copies that nothing counts', { countsCopies: false, weight: 0, stable: { value: 99.9 } }, true],
    ['copies that are counted, and none came', { countsCopies: true, weight: 0, stable: { value: 99.9 } }, false],
    ['no request of either side', { countsCopies: true, weight: 10, stable: isQuiet }, true],
    ['live requests of the other side', { countsCopies: false, weight: 10, stable: { value: 99.9 } }, false],
  ])('takes the place of gates that saw no request: %s', async (_case, { countsCopies, weight, stable }, expected) => {
    const metrics = { ...noMetrics, countsCopies, read: () => Promise.resolve<MetricReading>(stable) };
    const sources = { kube: { ...kube({}), get: () => Promise.resolve(undefined) }, metrics };
    const judged = await judgeUnseen(sources, target, { weight, sinceMs: Date.now() });
    expect(judged?.isGood ?? false).toBe(expected);
  });
});
