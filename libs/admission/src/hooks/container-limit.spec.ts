import { describe, expect, it } from '@jest/globals';
import { aPod, objectReview, podReview } from '../testing/admission.fixture.js';
import { testHooks } from './hook.fixture.js';

const containers = (count: number) =>
  Array.from({ length: count }, (_none, index) => ({
    name: `c${index}`,
    image: 'a',
    ports: [{ containerPort: 80, hostPort: index + 1 }],
  }));
const large = aPod({ spec: { containers: containers(200), initContainers: containers(200) } });
const PATHS = ['/mutate/pods', '/validate/pods'];

describe('a pod with more containers than admission decides on', () => {
  it.each(PATHS)('is refused by %s in one short sentence, before any SCC is asked', async (path) => {
    const { ask } = await testHooks();
    expect(await ask(path, podReview(large))).toEqual({
      allowed: false,
      code: 422,
      reason: 'Invalid',
      message:
        'the pod is refused: it has 400 containers, and SCC admission decides on 250 at most: split it into several pods',
    });
  });

  it.each(PATHS)('is left to the plugin of OpenShift by %s', async (path) => {
    const { ask } = await testHooks({ config: { mode: 'openshift' } });
    expect((await ask(path, podReview(large))).allowed).toBe(true);
  });

  it('is foreseen of a workload', async () => {
    const { ask } = await testHooks();
    const object = {
      metadata: { name: 'ledger', namespace: 'shop' },
      spec: { template: { metadata: {}, spec: { containers: containers(251) } } },
    };
    const review = objectReview(['apps', 'v1', 'Deployment', 'deployments'], { object });
    expect((await ask('/validate/workloads', review)).warnings).toEqual([expect.stringContaining('251 containers')]);
  });
});
