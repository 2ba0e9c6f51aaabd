import { surgeOf } from './surge.js';

const rolling = (rollingUpdate?: object) => ({ spec: { strategy: { type: 'RollingUpdate', rollingUpdate } } });

describe('surgeOf', () => {
  it.each<[string, unknown, number, number]>([
    ['one of a small workload by default', { spec: {} }, 3, 1],
    ['none of a larger one by default', { spec: {} }, 4, 0],
    ['one where no pod may be unavailable', rolling({ maxUnavailable: 0, maxSurge: 2 }), 10, 1],
    ['none where one may', rolling({ maxUnavailable: 1, maxSurge: 0 }), 3, 0],
    ['none by a share of it', rolling({ maxUnavailable: '34%', maxSurge: '50%' }), 3, 0],
    ['one by a share that is less than a pod', rolling({ maxUnavailable: '33%', maxSurge: '1%' }), 3, 1],
    ['none where both are nothing', rolling({ maxUnavailable: '0%', maxSurge: 0 }), 3, 0],
    ['none where all go first', { spec: { strategy: { type: 'Recreate' } } }, 3, 0],
  ])('is %s', (_case, deployment, replicas, expected) => {
    expect(surgeOf(deployment, replicas)).toBe(expected);
  });
});
