import { describe, expect, it } from '@jest/globals';
import { offsetOf, skewOf } from './answers.js';

const SECOND = 1000;

describe('clocks of a pod and of the API server', () => {
  it.each<[string, number, number, number]>([
    ['agree, and answer at once', 10, 10, 10],
    ['agree, and the pod answers late', 30 * SECOND, 30 * SECOND, 10],
    ['agree, and the API server answers late', 10, 10, 30 * SECOND],
    ['differ by less than what a slow answer leaves open', 20 * SECOND, 30 * SECOND, 10],
  ])('are not blamed when they %s', (_what, said, podTook, serverTook) => {
    const pod = offsetOf(said, [0, podTook]);
    const server = offsetOf(0, [0, serverTook], SECOND);
    expect(skewOf('worker-1', pod, server)).toEqual([]);
  });

  it.each([60 * SECOND, -60 * SECOND])('are named when one is %d ms ahead', (ahead) => {
    const [fault] = skewOf('worker-1', offsetOf(ahead, [0, 10]), offsetOf(0, [0, 10], SECOND));
    expect(fault?.fault).toMatch(/differ by (59|60) s or more/);
  });
});
