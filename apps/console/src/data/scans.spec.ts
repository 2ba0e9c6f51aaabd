import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { countsIn, rowFacts, planText, type ScanRow } from './scans.js';

const row: ScanRow = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'orders', replicas: 2 },
  ...{ serviceAccount: 'orders', category: 'Patch', pods: { anyuid: 2 }, current: 'anyuid' },
  ...{ nextRestart: { scc: 'anyuid', refusal: null }, leastAsIs: 'nonroot-v2', target: 'restricted-v2' },
  ...{ edits: [], patch: null, risks: [], blockers: [], mayUse: [], podSecurityNow: 'baseline', podSecurityThen: null },
  ...{ owner: null, ways: [], evidence: [], strategy: 'Canary', obstacles: [] },
};

describe('the plan of a row', () => {
  it('moves its workload from where it is to where it can go', () => {
    expect(parse(planText(row, false) ?? '')).toEqual({
      apiVersion: 'scc.poc/v1',
      kind: 'SCCMigrationPlan',
      metadata: { name: 'orders', namespace: 'shop' },
      spec: {
        workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'orders' },
        sourceSCC: 'anyuid',
        targetSCC: 'restricted-v2',
        podSecurity: { mode: 'Apply' },
      },
    });
  });

  it('is tried under a name of its own, which is no longer than names may be', () => {
    expect(parse(planText(row, true) ?? '')).toMatchObject({
      metadata: { name: 'orders-dry-run' },
      spec: { dryRun: true },
    });
    const long = parse(planText({ ...row, name: 'n'.repeat(253) }, true) ?? '') as { metadata: { name: string } };
    expect(long.metadata.name).toHaveLength(253);
  });

  it('is offered where a plan can move it', () => {
    expect(planText({ ...row, obstacles: ['no Service leads to it'] }, true)).toBeNull();
    expect(planText({ ...row, category: 'Operator' }, true)).toBeNull();
    expect(planText({ ...row, target: null }, true)).toBeNull();
  });
});

describe('a row in words', () => {
  it('leaves out what is not known', () => {
    expect(rowFacts(row, 'restricted-v2')).toEqual([
      ['ServiceAccount', 'orders'],
      ['Pods now', 'anyuid × 2'],
      ['At its next restart', 'anyuid'],
      ['Least SCC that admits it as it is', 'nonroot-v2'],
      ['Pod Security', 'baseline'],
      ['A plan moves it by', 'dividing its requests between it and a canary'],
    ]);
  });

  it('counts what there is, the most first', () => {
    expect(countsIn({ anyuid: 1, privileged: 0, restricted: 3 })).toEqual([
      ['restricted', 3],
      ['anyuid', 1],
    ]);
  });
});
