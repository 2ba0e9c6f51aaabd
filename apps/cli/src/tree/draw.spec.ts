import { describe, expect, it } from '@jest/globals';
import { PHASES, planSpecSchema, type PlanStatus, STRATEGIES, type Strategy } from '@scc/plan';
import { WAITS } from '../codes/states.js';
import { printable } from '../output.js';
import { bar, draw, lineFor, nextOf, waitOf } from './draw.js';
import type { Tree, TreePod } from './model.js';
import { fitted, Screen } from './screen.js';

const NOW = new Date('2026-11-29T10:00:30Z');
const at = (seconds: number): string => new Date(NOW.getTime() - seconds * 1000).toISOString();
const pod = (name: string, scc: string, over: Partial<TreePod> = {}): TreePod => ({
  ...{ name, scc, ordinal: null, node: 'node-1', ready: true, state: 'Running', createdAt: at(40) },
  ...over,
});
const spec = planSpecSchema.parse({
  workloadRef: { kind: 'Deployment', name: 'ledger' },
  targetSCC: 'restricted-v2',
  traffic: { weights: [10, 50, 100], interval: '1m' },
});

const shifting: Tree = {
  now: NOW,
  plan: { namespace: 'shop', name: 'ledger', createdAt: at(120) },
  spec,
  workload: 'Deployment ledger',
  targetSCC: 'restricted-v2',
  status: {
    phase: 'TrafficShifting',
    sourceSCC: 'anyuid',
    weight: 10,
    message: '10 % of requests go to the canary',
    pods: { total: 2, migrated: 0, bySCC: { anyuid: 2 } },
  },
  sides: [
    {
      ...{ name: 'Deployment ledger', role: 'workload', wanted: 2, ready: 2 },
      groups: [
        {
          name: 'ReplicaSet ledger-1',
          createdAt: at(90_000),
          pods: [pod('ledger-1-a', 'anyuid'), pod('ledger-1-b', 'anyuid')],
        },
      ],
    },
    {
      ...{ name: 'Deployment ledger-scc-canary', role: 'canary', wanted: 2, ready: 1 },
      groups: [
        {
          name: 'ReplicaSet ledger-scc-canary-1',
          createdAt: at(45),
          pods: [
            pod('ledger-scc-canary-1-a', 'restricted-v2'),
            pod('ledger-scc-canary-1-b', 'restricted-v2', { ready: false, state: 'CrashLoopBackOff' }),
          ],
        },
      ],
    },
  ],
  samples: [{ gate: 'success-rate', verdict: 'pass', value: 99.98765, detail: '0 of 812 failed', at: at(5) }],
  weightSince: at(37),
  events: [{ key: '1', at: at(37), phase: 'TrafficShifting', type: 'WeightShifted', message: '10 % of requests' }],
};
const inPhase = (status: PlanStatus, over: Partial<Tree> = {}): Tree => ({ ...shifting, ...over, status });

const awaited = {
  ...{ type: 'RunAwaited', status: 'True' as const, reason: 'AwaitingRun', message: 'its next run' },
  ...{ lastTransitionTime: at(9), observedGeneration: 1 },
};
const ordinals = { moved: 1, total: 3, last: 'db-2' };
const moving = (type: Strategy): PlanStatus => ({ strategy: { type, reason: 'of a test' } });

describe('a migration as a tree', () => {
  it('shows plan, weight, both sides with their pods, gates, the next step and events', () => {
    expect(draw(shifting)).toBe(`plan       shop/ledger, 2m old
workload   Deployment ledger: anyuid → restricted-v2
phase      TrafficShifting: 10 % of requests go to the canary
requests   [███░░░░░░░░░░░░░░░░░░░░░░░░░░░] 10 % at the canary
moved      0 of 2 pods
next       50 % in 23s

NAME                                    SCC               READY              AGE   NODE
Deployment ledger                                         2/2 ready
└─ ReplicaSet ledger-1                                    2/2                1d
   ├─ ✔ ledger-1-a                      anyuid            ready              40s   node-1
   └─ ✔ ledger-1-b                      anyuid            ready              40s   node-1
Deployment ledger-scc-canary (canary)                     1/2 ready
└─ ReplicaSet ledger-scc-canary-1                         1/2                45s
   ├─ ✔ ledger-scc-canary-1-a           restricted-v2 ✔   ready              40s   node-1
   └─ ◌ ledger-scc-canary-1-b           restricted-v2 ✔   CrashLoopBackOff   40s   node-1

GATE           VERDICT   VALUE    BOUND    DETAIL
success-rate   pass      99.988   ≥ 99.9   0 of 812 failed

EVENTS
09:59:53  10 % of requests`);
  });

  it.each<[string, Tree, string | null]>([
    ['before the first weight', inPhase({ phase: 'Mirroring' }), expect.stringMatching(/^10 % of live/) as never],
    ['while a weight is held', shifting, '50 % in 23s'],
    ['when a hold is over', { ...shifting, weightSince: at(90) }, '50 % now'],
    ['where nobody knows since when', { ...shifting, weightSince: null }, '50 %, after a hold of 1m'],
    [
      'after the last weight',
      inPhase({ phase: 'TrafficShifting', weight: 100 }),
      expect.stringMatching(/^the workload itself .* in 23s/) as never,
    ],
    ['while requests return', inPhase({ phase: 'Migrating', weight: 50 }), 'requests return to the workload'],
    [
      'once the canary is gone',
      inPhase({ phase: 'Migrating', weight: 0 }, { sides: shifting.sides.slice(0, 1) }),
      'the migration ends',
    ],
    ['from pod to pod', inPhase({ phase: 'Migrating', ...moving('Ordered'), ordinals }), 'pod 1'],
    ['from node to node', inPhase({ phase: 'Migrating', ...moving('PerNode'), ordinals }), 'another pod moves'],
    [
      'before the first pod',
      inPhase({ phase: 'Migrating', ...moving('Rolling') }),
      'the first pod is ready under the target',
    ],
    ['of what runs now and then', inPhase({ phase: 'Migrating', ...moving('NextRun') }), 'what runs next is judged'],
    [
      'before a template changes without a canary',
      inPhase({ phase: 'Mirroring', ...moving('Ordered') }),
      'the template changes, then the first pod',
    ],
    ['while its undo fails', inPhase({ phase: 'Failed' }), 'the undo is tried again, until it succeeds'],
    ['while it is undone', inPhase({ phase: 'RollingBack' }), 'the objects are as they were before'],
    ['at the end', inPhase({ phase: 'Completed' }), null],
  ])('names the next step %s', (_when, tree, next) => {
    expect(nextOf(tree)).toEqual(next);
  });

  it.each<[string, PlanStatus]>([
    ['all at the migrated workload', { phase: 'Completed', weight: 0 }],
    ['all at the workload, as before', { phase: 'RolledBack', weight: 0 }],
    ['all at the workload', { phase: 'Validating', weight: 0 }],
    ...STRATEGIES.filter((type) => type !== 'Canary').map((type): [string, PlanStatus] => [
      type === 'NextRun' ? 'not divided: its template changes' : 'not divided: its own pods change',
      { phase: 'Migrating', weight: 0, ...moving(type) },
    ]),
  ])('shows no bar where no canary has a share: %s', (words, status) => {
    expect(draw(inPhase(status))).toContain(`requests   ${words}`);
    expect(draw(inPhase(status))).not.toContain('░');
    expect(lineFor(inPhase(status))).not.toContain('%');
  });

  it('says what a plan waits for and how to act, and then no next step', () => {
    const tree = inPhase({
      phase: 'TrafficShifting',
      conditions: [
        {
          ...{ type: 'Paused', status: 'True', reason: 'Paused', message: 'paused by ana: lunch' },
          ...{ lastTransitionTime: at(9), observedGeneration: 1 },
        },
      ],
    });
    const how = 'go on with `sccctl resume ledger -n shop`';
    expect(waitOf(tree)).toEqual({ label: 'held', what: 'paused by ana: lunch', how });
    expect(nextOf(tree)).toBeNull();
    expect(draw(tree)).toMatch(/held +paused by ana: lunch\nto act +go on with/);
    expect(lineFor(tree)).toMatch(/held: paused by ana: lunch$/);
  });

  it.each([
    ['CronJob report', /start a run: `kubectl create job report-now --from=cronjob\/report -n shop`$/],
    ['StatefulSet db', /`kubectl scale statefulset db --replicas=1 -n shop`$/],
  ])('says how the awaited run of a %s is had', (workload, how) => {
    const status = inPhase({ phase: 'Migrating', conditions: [awaited] }, { workload });
    expect(waitOf(status)).toMatchObject({ what: 'its next run', how: expect.stringMatching(how) as unknown });
  });

  it('breaks what it says before the edge of the terminal, so that no command is cut', () => {
    const waiting = { ...awaited, type: 'Approved', status: 'False' as const, reason: 'WaitingForApproval' };
    const conditions = [{ ...waiting, message: 'waiting for approval by 1 × approver' }];
    const text = draw(inPhase({ phase: 'Validating', conditions }, { sides: [], samples: [], events: [] }), 60);
    expect(text.split('\n').filter((line) => line.length > 60)).toEqual([]);
    expect(text).toMatch(/^waits for {2}approval by 1 × approver$/m);
    expect(text.replaceAll(/\n {11}/g, ' ')).toContain('or `sccctl refuse ledger -n shop`');
  });

  it('knows a way to act for every wait', () => {
    expect(Object.values(WAITS).every(({ remedy }) => remedy.length > 0)).toBe(true);
  });

  it.each(PHASES)('draws a plan in phase %s, also one of which nothing else is known', (phase) => {
    const tree: Tree = {
      ...shifting,
      status: { phase },
      spec: null,
      sides: [],
      samples: [],
      events: [],
      weightSince: null,
    };
    expect(draw(tree)).toContain(`phase      ${phase}`);
    expect(lineFor(tree)).toContain(phase);
  });

  it('counts runs of a CronJob, whose pods are over once they have succeeded or failed', () => {
    const run = (name: string, state: string) => ({
      name: `Job ${name}`,
      createdAt: at(60),
      pods: [pod(`${name}-a`, 'anyuid', { ready: false, state })],
    });
    const groups = [run('backup-2', 'Failed'), run('backup-1', 'Succeeded')];
    const side = { name: 'CronJob backup', role: 'workload' as const, wanted: 2, ready: 0, groups };
    const pods = { total: 1, migrated: 0, bySCC: { anyuid: 1 } };
    const tree = inPhase(
      { phase: 'Migrating', pods, ...moving('NextRun') },
      { workload: 'CronJob backup', sides: [side] },
    );
    const text = draw(tree);
    expect(text).toMatch(/^CronJob backup +2 runs$/m);
    expect(text).toMatch(/└─ ✖ backup-2-a +anyuid +Failed/);
    expect(text).toMatch(/└─ ✔ backup-1-a +anyuid +Succeeded/);
    expect(text).not.toMatch(/^moved|ready/m);
    expect(lineFor(tree)).toContain('2 runs');
  });

  it('says the word of a phase once, and nothing of pods that a refused plan would have moved', () => {
    const pods = { total: 2, migrated: 0, bySCC: {} };
    const message = 'rejected with 1 violation, nothing was touched: spec: no';
    const text = draw(inPhase({ phase: 'Rejected', message, pods }));
    expect(text).toMatch(/^phase +Rejected: 1 violation, nothing was touched: spec: no$/m);
    expect(text).not.toMatch(/^moved/m);
    const failing = 'rolling back because a gate failed; removing the canary failed';
    expect(draw(inPhase({ phase: 'Failed', message: failing }))).toContain(`Failed: ${failing}`);
    const undone = inPhase({ phase: 'RolledBack', message: 'rolled back because ana aborted the migration' });
    expect(draw(undone)).toMatch(/^phase +RolledBack: because ana aborted the migration$/m);
  });

  it('tells twice what happened twice, and once what two events say in a row', () => {
    const said = ['waiting', 'waiting', 'approved', 'waiting'].map((message, place) => ({
      ...{ key: String(place), at: at(9 - place), phase: null, type: 'WaitStarted', message },
    }));
    const [, events = ''] = draw({ ...shifting, events: said }).split('EVENTS\n');
    expect(events.split('\n').map((line) => line.slice(10))).toEqual(['waiting', 'approved', 'waiting']);
  });

  it('tells the day of an event that is not of today', () => {
    const event = { key: '1', at: at(86_400), phase: null, type: 'WaitStarted', message: 'waiting' };
    expect(draw({ ...shifting, events: [event] })).toMatch(/^2026-11-28 10:00 {2}waiting$/m);
  });

  it('draws weights as bars of one length', () => {
    const bars = [0, 1, 50, 99, 100].map(bar);
    expect(new Set(bars.map((text) => text.indexOf(']'))).size).toBe(1);
    expect(bars[0]).toMatch(/^\[░{30}\] 0 %$/);
    expect(bars[4]).toMatch(/^\[█{30}\] 100 %$/);
  });

  it('lets no text of others steer the terminal', () => {
    const message = 'a\u001B[2Jb\u009B31mc\rd';
    const text = printable(draw(inPhase({ phase: 'Migrating', message })));
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
    expect(text).toContain('a\uFFFD[2Jb\uFFFD31mc\uFFFDd');
  });
});

describe('the screen', () => {
  it('cuts what a terminal has no room for', () => {
    expect(fitted('abcdef\n1\n2\n3', 4, 3)).toEqual(['abc…', '1', '…']);
  });

  it('draws the next picture in the place of the last, and clears what was longer', () => {
    const written: string[] = [];
    const screen = new Screen({ columns: 80, rows: 24, write: (text) => written.push(text) });
    screen.show('a\nb\nc');
    screen.show('d');
    expect(written).toEqual(['\ra\u001B[K\nb\u001B[K\nc\u001B[K\n\u001B[J', '\u001B[3A\rd\u001B[K\n\u001B[J']);
  });
});
