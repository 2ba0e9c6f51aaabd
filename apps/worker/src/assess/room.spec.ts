import type { KubeObject } from '@scc/kube';
import { quantity } from './quantity.js';
import { type Need, refusedViolations, roomViolations } from './room.js';

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
  running: [],
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

  const ofClass = (operator: string, ...values: string[]) => ({
    scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, values }] },
  });
  it.each<[string, object, object, boolean]>([
    ['that do not end by themselves', { scopes: ['NotTerminating'] }, {}, true],
    ['that end by themselves', { scopes: ['Terminating'] }, {}, false],
    ['that end by themselves, as these do', { scopes: ['Terminating'] }, { activeDeadlineSeconds: 60 }, true],
    ['that ask for something', { scopes: ['NotBestEffort', 'NotTerminating'] }, {}, true],
    ['that ask for nothing', { scopes: ['BestEffort'] }, {}, false],
    ['that ask for nothing, as these do', { scopes: ['BestEffort'] }, { containers: [{ name: 'app' }] }, true],
    ['of a class, as these are', ofClass('In', 'high'), { priorityClassName: 'high' }, true],
    ['of another class', ofClass('In', 'high'), { priorityClassName: 'low' }, false],
    ['of a class, which these may get', ofClass('In', 'high'), {}, false],
    ['that stand by others', { scopes: ['CrossNamespacePodAffinity'] }, {}, false],
  ])('is judged by a quota of pods %s', (_case, spec, pod, isJudged) => {
    const podSpec = { ...(need().podSpec as object), ...pod };
    const quotas = [quota({ pods: '3' }, {}, spec)];
    const found = roomViolations({ quotas, limitRanges: [] }, need({ podSpec })).map(({ code }) => code);
    expect(found).toEqual(isJudged ? ['QuotaTooSmall'] : []);
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

  const defaults = (over: object) => [range(over)];
  it.each<[string, { asks: object[]; hard: object; ranges?: KubeObject[] }, RegExp | null]>([
    [
      'asks for nothing',
      { asks: [container({})], hard: { 'requests.cpu': '9' } },
      /counts requests\.cpu, .* for app: /,
    ],
    ['asks for nothing under the short name', { asks: [container({})], hard: { memory: '9Gi' } }, /counts memory/],
    ['has no limit', { asks: [container({ cpu: '1' })], hard: { 'limits.cpu': '9' } }, /counts limits\.cpu/],
    ['has a limit, a request too', { asks: [container({}, { cpu: '1' })], hard: { 'requests.cpu': '9' } }, null],
    ['asks for zero', { asks: [container({ cpu: '0' })], hard: { 'requests.cpu': '9' } }, null],
    [
      'is one of two',
      { asks: [container({ cpu: '1' }), { name: 'side' }], hard: { 'requests.cpu': '9' } },
      /nothing for side: new pods are refused/,
    ],
    ['need not answer', { asks: [container({})], hard: { 'requests.nvidia.com/gpu': '1' } }, null],
    [
      'has a default',
      { asks: [container({})], hard: { cpu: '9' }, ranges: defaults({ defaultRequest: { cpu: '1' } }) },
      null,
    ],
    [
      'has another default',
      { asks: [container({})], hard: { cpu: '9' }, ranges: defaults({ defaultRequest: { memory: '1' } }) },
      /counts cpu/,
    ],
    [
      'is too large by its default',
      { asks: [container({})], hard: { 'limits.cpu': '3' }, ranges: defaults({ default: { cpu: '1' } }) },
      /leaves 3 of limits\.cpu.*needs 4$/,
    ],
  ])('is judged where a quota must be answered and a container %s', (_case, { asks, hard, ranges = [] }, expected) => {
    const room = { quotas: [quota(hard)], limitRanges: ranges };
    const found = roomViolations(room, need({ podSpec: { containers: asks } })).map(({ message }) => message);
    expect(found).toEqual(expected === null ? [] : [expect.stringMatching(expected)]);
  });

  it('is judged by what a webhook gave to the same container of a pod that runs', () => {
    const podSpec = { containers: [container({})] };
    const spec = { containers: [{ name: 'proxy' }, container({ cpu: '1' })] };
    const running = [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1' }, spec }];
    const found = (hard: object) =>
      roomViolations({ quotas: [quota(hard)], limitRanges: [] }, need({ podSpec, running })).map(({ code }) => code);
    expect(found({ cpu: '4' })).toEqual([]);
    expect(found({ cpu: '3' })).toEqual(['QuotaTooSmall']);
    expect(found({ memory: '3' })).toEqual(['QuotaUnanswered']);
  });

  it('is not asked for where pods are replaced, and a quota that is not answered is a violation there too', () => {
    const podSpec = { containers: [container({ cpu: '9' })] };
    const quotas = [quota({ 'requests.cpu': '1', pods: '1', 'requests.memory': '9Gi' }, { pods: '2' })];
    const limitRanges = [range({ max: { cpu: '1' } })];
    const found = (over: object) => refusedViolations({ quotas, limitRanges: [], ...over }, { podSpec, running: [] });
    expect(found({}).map(({ code }) => code)).toEqual(['QuotaUnanswered']);
    expect(found({ quotas: [], limitRanges }).map(({ code }) => code)).toEqual(['OutsideLimitRange']);
  });

  it('is judged by what a pod asks for as a whole, where it does', () => {
    const podSpec = { resources: { requests: { cpu: '2' } }, containers: [container({})] };
    const found = (hard: object) =>
      roomViolations({ quotas: [quota(hard)], limitRanges: [] }, need({ podSpec })).map(({ code }) => code);
    expect(found({ 'requests.cpu': '8' })).toEqual([]);
    expect(found({ 'requests.cpu': '7' })).toEqual(['QuotaTooSmall']);
    expect(found({ 'requests.memory': '1' })).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    ['limit', { max: { cpu: '4' } }, /a pod has no limit of cpu/],
    ['request', { min: { cpu: '1m' } }, /a pod has no request of cpu/],
  ])('is refused to a pod without a %s that all of its containers together must have', (_case, limit, expected) => {
    const limitRanges = [range({ type: 'Pod', ...limit })];
    const podSpec = { containers: [container({ memory: '1Mi' })] };
    expect(roomViolations({ quotas: [], limitRanges }, need({ podSpec }))).toMatchObject([
      { code: 'OutsideLimitRange', message: expect.stringMatching(expected) as unknown },
    ]);
  });

  it('is bounded for init containers as well', () => {
    const podSpec = { initContainers: [{ ...container({}, { cpu: '3' }), name: 'first' }], containers: [] };
    const limitRanges = [range({ max: { cpu: '2' } })];
    expect(roomViolations({ quotas: [], limitRanges }, need({ podSpec }))).toMatchObject([
      { message: expect.stringContaining('container first has a limit of cpu above 2') as unknown },
    ]);
  });
});
