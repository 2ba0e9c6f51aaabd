import { describe, expect, it } from '@jest/globals';
import { parseCampaign } from './campaign.js';

const aWorkload = (name: string, wave?: number) => ({ namespace: 'shop', name, ...(wave ? { wave } : {}) });

describe('the spec of a campaign', () => {
  it('needs no more than a selector', () => {
    const parsed = parseCampaign({ selector: { namespaces: ['shop'] } });
    expect(parsed).toMatchObject({
      ok: true,
      spec: {
        targetSCC: 'LeastReachable',
        waves: { count: 4 },
        maxConcurrent: 5,
        failureBudget: 0,
        attempt: 1,
        template: { traffic: { weights: [10, 25, 50, 75, 100] }, podSecurity: { mode: 'Apply' } },
      },
    });
  });

  it.each<[string, object, string]>([
    ['has a selector or a list', {}, 'spec.selector'],
    ['has not both', { selector: {}, workloads: [aWorkload('a')] }, 'spec.selector'],
    ['lists a workload once', { workloads: [aWorkload('a'), aWorkload('a')] }, 'spec.workloads[1]'],
    ['gives a wave to all or none', { workloads: [aWorkload('a', 1), aWorkload('b')] }, 'spec.workloads'],
    ['has no sizes beside', { workloads: [aWorkload('a', 1)], waves: { sizes: [1] } }, 'spec.waves.sizes'],
    [
      'has plans that are plans',
      { selector: {}, template: { traffic: { weights: [50] } } },
      'spec.template.traffic.weights[0]',
    ],
    ['has no other fields', { selector: {}, wavez: 1 }, 'spec.wavez'],
    ['leaves what differs to its plans', { selector: {}, template: { targetSCC: 'x' } }, 'spec.template.targetSCC'],
    ['has an SCC as its target', { selector: {}, targetSCC: 'Best' }, 'spec.targetSCC'],
    [
      'has windows in time zones',
      { selector: {}, windows: [{ from: '22:00', to: '04:00', timeZone: 'Mars/Base' }] },
      'spec.windows[0].timeZone',
    ],
    ['has windows that last', { selector: {}, windows: [{ from: '22:00', to: '22:00' }] }, 'spec.windows[0]'],
    ['has plans with no endless bake', { selector: {}, template: { bake: '999h' } }, 'spec.template.bake'],
    ['has durations', { selector: {}, soak: 'long' }, 'spec.soak'],
  ])('%s', (_case, spec, field) => {
    const parsed = parseCampaign(spec);
    expect(parsed.ok ? [] : parsed.violations.map((one) => one.field)).toEqual([field]);
  });
});
