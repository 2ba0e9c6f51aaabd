import type { PlanStatus } from '@scc/plan';
import { drawnLive, printedLive } from './live.js';
import { parseOptions } from './options.js';
import { SCENARIOS } from './scenarios.js';
import { frame, line, noRequests, phaseSeconds, type View } from './view.js';

const at = (second: number): string => new Date(second * 1000).toISOString();
const pod = (name: string, over: object = {}) => ({
  ...{ name, scc: 'anyuid', ready: true, leaving: false, canary: false },
  ...over,
});

const view = (over: Partial<View> = {}): View => ({
  scenario: SCENARIOS[0]!,
  step: 'migrating',
  startedMs: 0,
  status: {
    phase: 'TrafficShifting',
    message: '25 % of the requests go to the canary',
    weight: 25,
    history: [
      { phase: 'Validating', at: at(1) },
      { phase: 'Mirroring', at: at(2) },
      { phase: 'TrafficShifting', at: at(5) },
    ],
  },
  pods: [
    pod('a'),
    pod('b', { ready: false }),
    pod('c', { canary: true, scc: 'restricted-v2' }),
    pod('d', { leaving: true }),
  ],
  requests: { sent: 1200, failed: 0, perSecond: 320, p99Ms: 3.21, bySCC: { anyuid: 75, 'restricted-v2': 25 } },
  ...over,
});

describe('phaseSeconds', () => {
  it('counts the phase that lasts up to now, and none after the end', () => {
    expect(phaseSeconds(view().status, 9000)).toEqual([
      { phase: 'Validating', seconds: 1 },
      { phase: 'Mirroring', seconds: 3 },
      { phase: 'TrafficShifting', seconds: 4 },
    ]);
    const ended: PlanStatus = {
      finishedAt: at(8),
      history: [
        { phase: 'Migrating', at: at(6) },
        { phase: 'Completed', at: at(8) },
      ],
    };
    expect(phaseSeconds(ended, 99_000)).toEqual([{ phase: 'Migrating', seconds: 2 }]);
  });
});

describe('frame', () => {
  it('shows phases, weight, pods by SCC and requests', () => {
    const text = frame(view(), 9000).join('\n');
    expect(text).toContain('migrating, 9.0 s');
    expect(text).toContain('Validating 1.0 → Mirroring 3.0 → TrafficShifting 4.0');
    expect(text).toContain('█████░░░░░░░░░░░░░░░ 25 % on the canary');
    expect(text).toContain('workload anyuid 2 (1/2 ready) · canary restricted-v2 1 (1/1 ready) · 1 leaving');
    expect(text).toContain('1200 sent, 0 failed, 320/s, p99 3.2 ms');
    expect(text).toContain('answered by anyuid 75 %, restricted-v2 25 %');
  });

  it('has something to show before anything was seen', () => {
    const lines = frame(view({ status: {}, pods: [], requests: noRequests }), 0);
    expect(lines).toHaveLength(frame(view(), 0).length);
    expect(line(view({ status: {}, pods: [], requests: noRequests }))).toBe('- | 0 % |  | 0 sent, 0 failed, 0/s');
  });
});

describe('drawnLive', () => {
  it('draws over its last drawing, clips to the terminal, and leaves notes above', () => {
    let written = '';
    const live = drawnLive({ columns: 30, write: (text) => (written += text) }, () => 9000);
    live.show(view());
    const height = frame(view(), 9000).length;
    expect(written.split('\n').every((text) => text.length < 30)).toBe(true);
    written = '';
    live.note('a note');
    expect(written.startsWith(`\u001b[${height}A\u001b[Ja note\n`)).toBe(true);
    live.end();
    written = '';
    live.note('later');
    expect(written).toBe('later\n');
  });
});

describe('printedLive', () => {
  it('prints when phase or weight change, every five seconds, and at the end', () => {
    const printed: string[] = [];
    let nowMs = 0;
    const live = printedLive(
      (text) => printed.push(text),
      () => nowMs,
    );
    live.show(view());
    live.show(view({ requests: noRequests }));
    expect(printed).toHaveLength(1);
    live.show(view({ status: { ...view().status, weight: 50 } }));
    expect(printed).toHaveLength(2);
    nowMs = 5000;
    live.show(view({ status: { ...view().status, weight: 50 } }));
    expect(printed).toHaveLength(3);
    live.end();
    expect(printed).toHaveLength(4);
    expect(printed[2]).toMatch(/^ {3}5\.0 s {2}TrafficShifting \| 50 % \| /);
  });
});

describe('parseOptions', () => {
  it('reads every option', () => {
    expect(
      parseOptions(['--only', '3', '--rate', '500', '--seconds', '20', '--keep', '--json', 'x.json', '--record', 'd']),
    ).toEqual({ only: 3, rate: 500, seconds: 20, keep: true, json: 'x.json', record: 'd' });
    expect(parseOptions([])).toEqual({ rate: 320, seconds: 8, keep: false });
    expect(parseOptions(['--router', 'gateway-api'])).toMatchObject({ router: 'gateway-api' });
    expect(parseOptions(['--help'])).toBe('help');
  });

  it.each([[['--only', '10']], [['--rate', 'fast']], [['--seconds', '0']], [['--unknown']], [['stray']]])(
    'refuses %j and names what is wrong',
    (args) => {
      expect(() => parseOptions(args)).toThrow(args[0]);
    },
  );
});
