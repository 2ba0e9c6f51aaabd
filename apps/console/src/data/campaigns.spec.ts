import { describe, expect, it } from '@jest/globals';
import type { CampaignDetail } from '@scc/governance-api';
import { approvalOf, commandsOf, waveWords } from './campaigns.js';

type Wave = CampaignDetail['waves'][number];
const member = (state: Wave['workloads'][number]['state']): Wave['workloads'][number] => ({
  ...{ namespace: 'shop', kind: 'Deployment', name: 'web', targetSCC: 'restricted-v2', risk: 1, state },
  ...{ message: null, plan: null },
});
const wave = (over: Partial<Wave> = {}): Wave => ({
  ...{ number: 2, hash: 'b'.repeat(64), isApproved: false, approvedBy: [], hidden: 0 },
  workloads: [member('Waiting')],
  ...over,
});
const campaign = (over: Partial<CampaignDetail> = {}): CampaignDetail => ({
  ...{ name: 'shop', author: 'ana', createdAt: null, phase: 'Running', message: '', wave: 1, attempt: 1 },
  ...{ suspended: false, aborted: false, targetSCC: 'LeastReachable', maxConcurrent: 5, failureBudget: 0 },
  ...{ soak: '10m', soakUntil: null, approvalRequired: true, waves: [wave()], left: [], unread: null },
  approvals: [{ wave: 1, hash: 'a'.repeat(64), by: 'ada' }],
  counts: { waves: 2, workloads: 2, waiting: 1, running: 0, completed: 1, failed: 0, left: 0 },
  ...over,
});

describe('the edits of a campaign', () => {
  it.each<[string, Partial<CampaignDetail>, RegExp[]]>([
    ['while it runs', {}, [/"suspend":true/, /"abort":true/]],
    ['while it is paused', { suspended: true }, [/"suspend":false/, /"abort":true/]],
    ['once its budget is spent', { phase: 'Stopped' }, [/"suspend":true/, /"attempt":2/, /"abort":true/]],
    ['when it was aborted', { aborted: true }, []],
    ['when it is over', { phase: 'Completed' }, []],
  ])('%s', (_when, over, expected) => {
    const commands = commandsOf(campaign(over)).map(({ command }) => command);
    expect(commands).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });
});

describe('the approval of a wave', () => {
  it('keeps the approvals that were given, and is one argument whatever a name holds', () => {
    const offered = approvalOf(campaign(), wave(), `bob'; rm -rf /; '`);
    const command = offered && 'command' in offered ? offered.command : '';
    const [, argument = ''] = /-p '(.*)'$/.exec(command) ?? [];
    expect(JSON.parse(argument.replaceAll(`'\\''`, `'`))).toEqual({
      spec: {
        approvals: [
          { wave: 1, hash: 'a'.repeat(64), by: 'ada' },
          { wave: 2, hash: 'b'.repeat(64), by: `bob'; rm -rf /; '` },
        ],
      },
    });
    expect(argument.replaceAll(`'\\''`, '')).not.toContain("'");
  });

  it.each<[string, Partial<Wave>, string, RegExp]>([
    ['its author', {}, 'ana', /another person/],
    ['who does not see all of it', { hidden: 1 }, 'bob', /do not see all/],
  ])('is not offered to %s', (_who, ofWave, user, why) => {
    expect(approvalOf(campaign(), wave(ofWave), user)).toEqual({ why: expect.stringMatching(why) });
  });

  it.each<[string, Partial<CampaignDetail>, Partial<Wave>]>([
    ['none is required', { approvalRequired: false }, {}],
    ['it was given', {}, { isApproved: true }],
    ['the wave has begun', {}, { workloads: [member('Running')] }],
    ['the campaign is over', { phase: 'Aborted' }, {}],
  ])('is not asked for where %s', (_case, over, ofWave) => {
    expect(approvalOf(campaign(over), wave(ofWave), 'bob')).toBeNull();
  });
});

it('a wave tells how it stands', () => {
  const workloads = [member('Completed'), member('Running'), member('Failed')];
  expect(waveWords(wave({ workloads }))).toBe('1 of 3 moved, 1 running, 1 failed');
  expect(waveWords(wave())).toBe('0 of 1 moved');
});
