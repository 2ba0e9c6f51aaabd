import { describe, expect, it } from '@jest/globals';
import { CAMPAIGN_TYPE } from '@scc/plan';
import { wantedCampaign } from './campaigns.js';

const aCampaign = (status?: object, metadata: object = {}) => ({
  ...CAMPAIGN_TYPE,
  metadata: { name: 'fleet', uid: 'f1', ...metadata },
  ...(status ? { status } : {}),
});

describe('a campaign', () => {
  it.each<[string, Parameters<typeof wantedCampaign>[0], boolean]>([
    ['that is new needs its workflow', aCampaign(), true],
    ['that runs needs it', aCampaign({ phase: 'Running' }), true],
    ['that its budget stopped needs it', aCampaign({ phase: 'Stopped' }), true],
    ['that is completed does not', aCampaign({ phase: 'Completed' }), false],
    ['that was aborted does not', aCampaign({ phase: 'Aborted' }), false],
    ['that was rejected does not', aCampaign({ phase: 'Rejected' }), false],
    ['that is being deleted does not', aCampaign({}, { deletionTimestamp: '2026-11-29T10:00:00Z' }), false],
    ['that is gone does not', undefined, false],
  ])('%s', (_case, object, wanted) => {
    expect(wantedCampaign(object)).toEqual(wanted ? { name: 'fleet', uid: 'f1' } : undefined);
  });
});
