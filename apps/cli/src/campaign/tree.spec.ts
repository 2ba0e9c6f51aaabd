import { describe, expect, it } from '@jest/globals';
import type { CampaignStatus } from '@scc/plan';
import { campaignTable, drawCampaign } from './tree.js';

const member = (name: string) => ({
  namespace: 'shop',
  kind: 'Deployment',
  name,
  serviceAccount: name,
  targetSCC: 'restricted-v2',
  risk: 1,
});
const status: CampaignStatus = {
  phase: 'Stopped',
  message: '1 failed, and the budget is 0',
  wave: 1,
  progress: '1/3',
  counts: { waves: 2, workloads: 3, waiting: 1, running: 0, completed: 1, failed: 1, left: 1 },
  waves: [
    {
      hash: 'aaa',
      workloads: [
        { ...member('toy'), state: 'Completed', plan: 'toy-1' },
        { ...member('web'), state: 'Failed', plan: 'web-1', message: 'Rejected: AuthorLacksRight' },
      ],
    },
    { hash: 'bbb', workloads: [{ ...member('core'), state: 'Waiting' }] },
  ],
  left: [{ workload: 'shop/Deployment/node', reason: 'it shares the network of its node' }],
};

describe('a campaign that is shown', () => {
  it('says what its board was made without', () => {
    const unread = 'callers in ConfigMaps not read: no right to get shop/urls';
    expect(drawCampaign({ name: 'fleet', createdAt: null, status: { ...status, unread } }).split('\n')[2]).toBe(
      `  ${unread}`,
    );
  });

  it('is a tree of waves with the reason of each failure', () => {
    expect(drawCampaign({ name: 'fleet', createdAt: null, status })).toBe(
      [
        'campaign fleet  Stopped',
        '  1 failed, and the budget is 0',
        '├─ wave 1  1 of 2 workloads moved, 1 failed',
        '│    set aaa',
        '│    ✔ shop/toy (Deployment) → restricted-v2  Completed  plan toy-1',
        '│    ✖ shop/web (Deployment) → restricted-v2  Failed  plan web-1',
        '│        Rejected: AuthorLacksRight',
        '├─ wave 2  0 of 1 workload moved',
        '│    set bbb',
        '│    · shop/core (Deployment) → restricted-v2  Waiting',
        '└─ left as they are: 1',
        '     shop/Deployment/node: it shares the network of its node',
      ].join('\n'),
    );
  });

  it('is a line of a list, also before it has a status', () => {
    const now = new Date('2026-11-29T12:00:00Z');
    const campaigns = [
      { name: 'fleet', createdAt: '2026-11-29T11:00:00Z', status },
      { name: 'fresh', createdAt: null, status: {} },
    ];
    const [, fleet, fresh] = campaignTable(campaigns, now).split('\n');
    expect(fleet).toMatch(/^fleet +Stopped +1 of 2 +1\/3 +1 +1h +1 failed/);
    expect(fresh).toMatch(/^fresh +Pending +0 of 0/);
  });
});
