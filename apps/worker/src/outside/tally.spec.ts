import type { CounterSeries } from './counters.js';
import { FLAVOURS } from './flavours.js';
import { bucketsOf, excessDenials, plus, quantileOf, rankedOf, tallyOf } from './tally.js';

const rose = (by: number, labels: Record<string, string>): CounterSeries => ({
  labels,
  last: by,
  base: undefined,
  hasFallen: false,
  samples: [],
});
const upstream = (digit: string, by: number, name = 'envoy_cluster_upstream_rq_xx'): CounterSeries =>
  rose(by, { __name__: name, envoy_response_code_class: digit, instance: 'gateway:15090' });

describe('tallyOf', () => {
  it('counts a burst whose counters are born with it', () => {
    expect(tallyOf([upstream('2', 105), upstream('5', 75)], FLAVOURS.envoy)).toMatchObject({
      requests: 180,
      failed: 75,
      byClass: { '2xx': 105, '5xx': 75 },
      byProxy: { 'gateway:15090': { requests: 180, failed: 75 } },
    });
  });

  it('tells what callers saw from what a retry rescued', () => {
    const series = [
      upstream('2', 100),
      upstream('5', 8, 'envoy_cluster_retry_upstream_rq_xx'),
      rose(2, { __name__: 'envoy_cluster_upstream_cx_connect_fail' }),
    ];
    expect(tallyOf(series, FLAVOURS.envoy)).toMatchObject({ requests: 100, failed: 0, tries: 110, failedTries: 10 });
  });

  it.each<[string, CounterSeries[]]>([
    ['envoy', [upstream('2', 40), rose(40, { __name__: 'envoy_cluster_grpc_14' })]],
    ['istio', [rose(40, { response_code: '200', grpc_response_status: '14' })]],
  ])('counts answers of gRPC that say of failure: %s', (flavour, series) => {
    expect(tallyOf(series, FLAVOURS[flavour as 'envoy' | 'istio'])).toMatchObject({ requests: 40, failed: 40 });
  });

  it.each<[string, Record<string, string>, number]>([
    ['NOT_FOUND is an answer', { response_code: '200', grpc_response_status: '5' }, 0],
    ['no endpoint', { response_code: '503', response_flags: 'UH' }, 3],
    ['no cluster', { response_code: '503', response_flags: 'NC' }, 3],
    ['a connection that broke', { response_code: '0', response_flags: 'DC' }, 3],
    ['a refusal by the application', { response_code: '403' }, 0],
    ['no route', { response_code: '404', response_flags: 'NR' }, 3],
    ['an authorization of the mesh that refuses', { response_code: '403', response_flags: 'UAEX' }, 3],
    ['RBAC of a proxy', { response_code: '403', response_code_details: 'rbac_access_denied_matched_policy[none]' }, 3],
    ['a rate limit of a proxy', { response_code: '429', response_flags: 'RL' }, 3],
    ['a reset before the answer', { response_code: '503', response_flags: 'UC' }, 3],
    ['a reset of the caller', { response_code: '0', response_flags: 'DR' }, 3],
    ['a connection that no pod took', { response_code: '503', response_flags: 'UF,URX' }, 3],
    ['an answer that broke off', { response_code: '200', response_flags: 'UC' }, 3],
    ['several flags', { response_code: '200', response_flags: 'DI,UC' }, 3],
    ['a delay on purpose', { response_code: '200', response_flags: 'DI' }, 0],
    ['the answer of a pod', { response_code: '200', response_flags: '-', response_code_details: 'via_upstream' }, 0],
  ])('of Istio: %s', (_case, labels, failed) => {
    expect(tallyOf([rose(3, labels)], FLAVOURS.istio)).toMatchObject({ requests: 3, failed });
  });

  it("counts the answers of OpenShift's routers by their class", () => {
    const answers = (by: number, code: string) => rose(by, { code, server: 'pod:ledger', pod: 'router-1' });
    expect(tallyOf([answers(70, '2xx'), answers(20, '4xx'), answers(10, '5xx')], FLAVOURS.haproxy)).toMatchObject({
      requests: 100,
      failed: 10,
      byClass: { '2xx': 70, '4xx': 20, '5xx': 10 },
      byProxy: { 'router-1': { requests: 100, failed: 10 } },
    });
  });

  it('counts what no pod answered apart', () => {
    const series = [rose(2, { response_code: '503', response_flags: 'UF' }), rose(5, { response_code: '500' })];
    expect(tallyOf(series, FLAVOURS.istio)).toMatchObject({ requests: 7, failed: 7, unanswered: 2 });
    const envoy = [upstream('5', 4), rose(3, { __name__: 'envoy_cluster_upstream_cx_none_healthy' })];
    expect(tallyOf(envoy, FLAVOURS.envoy)).toMatchObject({ requests: 4, failed: 4, unanswered: 3 });
  });

  it.each<[string, CounterSeries[]]>([
    ['istio', [rose(6, { response_code: '200' }), rose(4, { response_code: '403' })]],
    [
      'envoy',
      [
        upstream('2', 6),
        upstream('4', 4),
        rose(4, { __name__: 'envoy_cluster_upstream_rq', envoy_response_code: '403' }),
      ],
    ],
  ])('counts denials once: %s', (flavour, series) => {
    const tally = tallyOf(series, FLAVOURS[flavour as 'envoy' | 'istio']);
    expect(tally).toMatchObject({ requests: 10, tries: 10, failed: 0, denied: 4 });
  });

  it('adds up two sides', () => {
    const [a, b] = [tallyOf([upstream('2', 3)], FLAVOURS.envoy), tallyOf([upstream('5', 1)], FLAVOURS.envoy)];
    expect(plus(a, b)).toMatchObject({
      requests: 4,
      failed: 1,
      byClass: { '2xx': 3, '5xx': 1 },
      byProxy: { 'gateway:15090': { requests: 4, failed: 1 } },
    });
  });
});

describe('excessDenials', () => {
  const tally = (denied: number) =>
    tallyOf([rose(100 - denied, { response_code: '200' }), rose(denied, { response_code: '403' })], FLAVOURS.istio);
  it.each<[string, number, Parameters<typeof excessDenials>[1], number]>([
    ['all of them where the other side denies nobody', 40, tally(0), 40],
    ['none where both sides deny the same', 40, tally(40), 0],
    ['what is beyond the share of the other side', 40, tally(10), 30],
    ['none where the other side denies more', 10, tally(40), 0],
    ['none without another side', 40, null, 0],
    ['none where the other side answered nothing', 40, { denied: 0, tries: 0 }, 0],
  ])('%s', (_case, denied, other, expected) => {
    expect(excessDenials(tally(denied), other)).toBe(expected);
  });
});

describe('quantileOf', () => {
  const buckets = bucketsOf([rose(50, { le: '10' }), rose(90, { le: '100' }), rose(100, { le: '+Inf' })]);
  it.each<[number, number | null]>([
    [0.5, 10],
    [0.7, 55],
    [0.99, 100],
  ])('%d', (q, expected) => {
    expect(quantileOf(buckets, q)).toBe(expected);
  });

  it('is at least the largest bound where it lies beyond it', () => {
    expect(rankedOf(buckets, 0.99)).toEqual({ value: 100, isOpen: true });
    expect(rankedOf(buckets, 0.7)).toEqual({ value: 55, isOpen: false });
    expect(rankedOf([{ le: Infinity, count: 5 }], 0.5)).toEqual({ value: 0, isOpen: true });
  });

  it('has no value of nothing', () => {
    expect(quantileOf([], 0.5)).toBeNull();
    expect(quantileOf([{ le: Infinity, count: NaN }], 0.5)).toBeNull();
  });
});
