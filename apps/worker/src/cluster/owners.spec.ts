import type { KubeObject } from '@scc/kube';
import { STOPPED_ANNOTATION } from '@scc/plan';
import { isMarkedByOthers, judgeAfter, judgeBefore, notePatch, ownersJobOf, podSpecAt, stoppedBy } from './owners.js';

const ref = { namespace: 'shop', name: 'move', uid: 'u1' };
const task = { volumes: ['data'], from: 999, to: 1000650000, groups: [1000650000] };
const done = (...lines: string[]): string => [...lines, 'census: done'].join('\n');

describe('the judgement before owners change', () => {
  it('counts the files that would change', () => {
    expect(judgeBefore(done(' 3 999:999:700:directory', ' 5 999:999:600:regular file'), task)).toEqual({
      isGood: true,
      files: 8,
    });
  });

  it('leaves files of others where the new user may do with them what the old one could', () => {
    expect(judgeBefore(done(' 1 0:0:755:directory', ' 2 999:0:600:regular file'), task)).toMatchObject({ files: 2 });
  });

  it.each([
    ['the new user has files already', ' 1 1000650000:0:600:regular file', 'are there already'],
    ['a bit of a program would be lost', ' 1 999:999:4755:regular file', 'set-id bits'],
    [
      'a file of another owner is let to a group that the new user lacks',
      ' 1 0:999:660:regular file',
      'could not use 1 file of 0:999',
    ],
    ['something could not be looked at', 'find: /data/x: Permission denied', '1 error'],
  ])('refuses where %s', (_case, line, reason) => {
    expect(judgeBefore(done(line), task)).toMatchObject({
      isGood: false,
      reason: expect.stringContaining(reason) as unknown,
    });
  });

  it('holds root to have been able to use everything', () => {
    expect(judgeBefore(done(' 1 7:7:600:regular file'), { ...task, from: 0 })).toMatchObject({ isGood: false });
  });

  it('refuses a look that did not end', () => {
    expect(judgeBefore(' 1 999:999:600:regular file', task)).toMatchObject({ isGood: false });
  });
});

it('is content once no file of the user is left', () => {
  expect(judgeAfter(done(' 1 1000650000:0:600:regular file'), 999)).toEqual({ isGood: true, files: 1 });
  expect(judgeAfter(done(' 1 999:0:600:regular file'), 999)).toMatchObject({ isGood: false });
});

describe('the note on a stopped workload', () => {
  const object = (annotations?: Record<string, string>): KubeObject => ({
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet' },
    metadata: { name: 'ledger', ...(annotations ? { annotations } : {}) },
  });
  const note = { plan: 'u1', replicas: 3 };

  it('is this plan’s alone', () => {
    const marked = object({ [STOPPED_ANNOTATION]: JSON.stringify(note) });
    expect(stoppedBy(marked, ref)).toEqual(note);
    expect([isMarkedByOthers(marked, ref), isMarkedByOthers(object(), ref)]).toEqual([false, false]);
    for (const text of ['{', JSON.stringify({ ...note, plan: 'u2' })]) {
      const foreign = object({ [STOPPED_ANNOTATION]: text });
      expect([stoppedBy(foreign, ref), isMarkedByOthers(foreign, ref)]).toEqual([null, true]);
    }
  });

  it('is written beside other annotations, over nothing that another client wrote, and taken away', () => {
    const path = '/metadata/annotations/scc.poc~1stopped';
    const value = JSON.stringify(note);
    expect(notePatch(object(), note)).toEqual([
      { op: 'add', path: '/metadata/annotations', value: { [STOPPED_ANNOTATION]: value } },
    ]);
    expect(notePatch(object({ other: 'x' }), note)).toEqual([{ op: 'add', path, value }]);
    const marked = object({ [STOPPED_ANNOTATION]: value });
    expect(notePatch(marked, null)).toEqual([
      { op: 'test', path, value },
      { op: 'remove', path },
    ]);
    expect(notePatch(object(), null)).toEqual([]);
  });
});

describe('the Job of a change', () => {
  const template = {
    spec: {
      securityContext: { runAsUser: 999, fsGroup: 5 },
      volumes: [{ name: 'tmp', emptyDir: {} }],
      containers: [
        {
          ...{ name: 'db', image: 'db:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] },
          securityContext: { runAsNonRoot: true, capabilities: { drop: ['ALL'] }, allowPrivilegeEscalation: false },
        },
      ],
    },
  };
  const jobOf = (act: 'look' | 'change' | 'giveBack') => {
    const job = ownersJobOf(podSpecAt(template, 'ledger-1', ['data']), task, {
      ref,
      name: 'j',
      sourceSCC: 'anyuid',
      act,
    });
    const { spec } = (job?.['spec'] as { template: { spec: Record<string, unknown> } }).template;
    const [container] = spec['containers'] as { command: string[]; securityContext: object; volumeMounts: object[] }[];
    return { spec, container };
  };

  it('is root on the claim of that pod, under the rights of a runtime', () => {
    const { spec, container } = jobOf('change');
    expect(spec['volumes']).toEqual([{ name: 'data', persistentVolumeClaim: { claimName: 'data-ledger-1' } }]);
    expect(container?.securityContext).toEqual({ allowPrivilegeEscalation: false, runAsUser: 0, runAsNonRoot: false });
    expect(container?.command[2]).toContain('-user 999 -exec chown -h 1000650000 {} +');
    expect(container?.volumeMounts).toEqual([{ name: 'data', mountPath: '/census-0', readOnly: false }]);
  });

  it('gives back the other way round, and only looks where it is to look', () => {
    expect(jobOf('giveBack').container?.command[2]).toContain('-user 1000650000 -exec chown -h 999 {} +');
    const look = jobOf('look').container;
    expect(look?.command[2]).not.toContain('chown -h');
    expect(look?.volumeMounts).toMatchObject([{ readOnly: true }]);
  });

  it('is none where the pod mounts no such claim', () => {
    expect(
      ownersJobOf({ containers: [{ name: 'db' }] }, task, { ref, name: 'j', sourceSCC: 'anyuid', act: 'look' }),
    ).toBeNull();
  });
});
