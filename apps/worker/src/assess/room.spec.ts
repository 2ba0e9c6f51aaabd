import type { KubeObject } from '@scc/kube';
import { quantity } from './quantity.js';
import { type Need, roomViolations } from './room.js';

const quota = (hard: object, used: object = {}, spec: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'team' },
  spec: { hard, ...spec },
  status: { hard, used },
});
const range = (limit: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'LimitRange',
  metadata: { name: 'bounds' },
  spec: { limits: [{ type: 'Container', ...limit }] },
});
const container = (requests: object, limits: object = {}) => ({ name: 'app', resources: { requests, limits } });
const need = (over: Partial<Need> = {}): Need => ({
  podSpec: { containers: [container({ cpu: '250m', memory: '64Mi' }, { cpu: '1', memory: '128Mi' })] },
  pods: 4,
  services: 1,
  ...over,
});

describe('a quantity', () => {
  it.each([
    ['250m', 0.25],
    ['1', 1],
    [3, 3],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['2e3', 2000],
    ['10k', 10_000],
  ])('%s', (text, value) => {
    expect(quantity(text)).toBeCloseTo(value);
  });

  it.each(['', 'much', '1Zi'])('is not %s', (text) => {
    expect(() => quantity(text)).toThrow('not a quantity');
  });
});

describe('room for a canary', () => {
  it.each<[string, KubeObject, RegExp | null]>([
    ['is there within a quota', quota({ 'requests.cpu': '10' }, { 'requests.cpu': '1' }), null],
    [
      'lacks CPU',
      quota({ 'requests.cpu': '2' }, { 'requests.cpu': '1500m' }),
      /leaves 0\.5 of requests\.cpu.*needs 1$/,
    ],
    ['lacks CPU under its short name', quota({ cpu: '1' }, { cpu: '1' }), /leaves 0 of cpu.*needs 1$/],
    ['lacks memory of limits', quota({ 'limits.memory': '512Mi' }, { 'limits.memory': '1Mi' }), /limits\.memory/],
    ['lacks pods', quota({ pods: '5' }, { pods: '2' }), /leaves 3 of pods.*needs 4/],
    ['lacks Deployments', quota({ 'count/deployments.apps': '3' }, { 'count/deployments.apps': '3' }), /deployments/],
    ['lacks Services', quota({ services: '1' }, { services: '1' }), /services/],
    ['is not bounded by what it does not touch', quota({ secrets: '0', 'count/jobs.batch': '0' }), null],
    ['is not judged by a quota of some pods', quota({ pods: '0' }, {}, { scopes: ['BestEffort'] }), null],
  ])('%s', (_case, object, expected) => {
    const found = roomViolations({ quotas: [object], limitRanges: [] }, need()).map(({ message }) => message);
    if (expected === null) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringMatching(expected)]);
  });

  it('counts sidecars among the init containers, and no other of these', () => {
    const first = { ...container({ cpu: '4' }), name: 'first' };
    const sidecar = { ...container({ cpu: '500m' }), name: 'side', restartPolicy: 'Always' };
    const podSpec = { initContainers: [first, sidecar], containers: [container({ cpu: '250m' })] };
    const quotas = [quota({ 'requests.cpu': '2' })];
    expect(roomViolations({ quotas, limitRanges: [] }, need({ podSpec }))).toMatchObject([
      { message: expect.stringMatching(/leaves 2 of requests\.cpu.*needs 3$/) as unknown },
    ]);
  });

  it('is measured at the size of the canary', () => {
    const quotas = [quota({ pods: '5' }, { pods: '3' })];
    expect(roomViolations({ quotas, limitRanges: [] }, need({ pods: 2 }))).toEqual([]);
  });

  it.each<[string, KubeObject, RegExp | null]>([
    ['are within it', range({ max: { cpu: '2' }, min: { cpu: '100m' } }), null],
    [
      'have more than it lets them',
      range({ max: { memory: '100Mi' } }),
      /container app has a limit of memory above 100Mi/,
    ],
    ['ask for less than it wants', range({ min: { cpu: '500m' } }), /a request of cpu below 500m/],
    [
      'have too little for all that a pod may have',
      range({ type: 'Pod', max: { cpu: '900m' } }),
      /a pod has a limit of cpu/,
    ],
    ['are within what a pod may have', range({ type: 'Pod', max: { cpu: '1' }, min: { cpu: '250m' } }), null],
    [
      'ask for too small a part of their limit',
      range({ maxLimitRequestRatio: { cpu: '2' } }),
      /above 2 times its request/,
    ],
    ['ask for enough of their limit', range({ maxLimitRequestRatio: { cpu: '4', memory: '2' } }), null],
    ['are not what it bounds', range({ type: 'PersistentVolumeClaim', max: { cpu: '1m' } }), null],
  ])('under a LimitRange its containers %s', (_case, object, expected) => {
    const found = roomViolations({ quotas: [], limitRanges: [object] }, need()).map(({ message }) => message);
    if (expected === null) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringMatching(expected)]);
  });

  it('is bounded for init containers as well', () => {
    const podSpec = { initContainers: [{ ...container({}, { cpu: '3' }), name: 'first' }], containers: [] };
    const limitRanges = [range({ max: { cpu: '2' } })];
    expect(roomViolations({ quotas: [], limitRanges }, need({ podSpec }))).toMatchObject([
      { message: expect.stringContaining('container first has a limit of cpu above 2') as unknown },
    ]);
  });
});
