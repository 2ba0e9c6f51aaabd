import { describe, expect, it } from '@jest/globals';
import { refusal } from './running-plans.js';

const plan = (name: string, finalizers: string[], phase?: string) => ({
  apiVersion: 'scc.poc/v1',
  kind: 'SCCMigrationPlan',
  metadata: { namespace: 'shop', name, finalizers },
  ...(phase === undefined ? {} : { status: { phase } }),
});

describe('refusal', () => {
  it('lets the product go when no plan is held', () => {
    expect(refusal([plan('done', [], 'Completed'), plan('others', ['example.org/else'])], 'scc.poc/undo')).toBeNull();
  });

  it('names every plan that is held, with its phase, and the remedy', () => {
    const plans = [
      plan('ledger', ['scc.poc/undo'], 'TrafficShifting'),
      plan('done', []),
      plan('new', ['scc.poc/undo']),
    ];
    expect(refusal(plans, 'scc.poc/undo')).toBe(
      [
        'cannot uninstall: 2 migrations are not finished:',
        '  shop/ledger  TrafficShifting',
        '  shop/new  Pending',
        'Wait for them, or delete the plans, which undoes their work: kubectl -n NAMESPACE delete sccmp NAME',
        'Helm now takes the release for one that is being uninstalled. Before an upgrade: helm rollback RELEASE REVISION, with its newest revision',
      ].join('\n'),
    );
  });
});
