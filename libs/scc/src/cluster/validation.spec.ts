import { anSCC } from '../model/scc.fixture.js';
import { validateSCC } from './validation.js';
import { defaultSCC, VOLUME_TYPES } from '../model/write-defaults.js';

const fieldsOf = (fields: Record<string, unknown>): string[] =>
  validateSCC(anSCC('x', fields)).map(({ field }) => field);
const range = (min: number, max: number) => ({ type: 'MustRunAs', ranges: [{ min, max }] });

describe('validating an SCC', () => {
  it.each<[string, Record<string, unknown>, string[]]>([
    ['a sound one', {}, []],
    ['no user strategy', { runAsUser: null }, ['runAsUser.type']],
    ['an unknown user strategy', { runAsUser: { type: 'MustRun' } }, ['runAsUser.type']],
    ['a user strategy for SELinux', { seLinuxContext: { type: 'MustRunAsRange' } }, ['seLinuxContext.type']],
    ['no group strategy, which is defaulted', { fsGroup: null, supplementalGroups: {} }, []],
    [
      'unknown group strategies',
      { fsGroup: { type: 'x' }, supplementalGroups: { type: 'y' } },
      ['fsGroup.type', 'supplementalGroups.type'],
    ],
    ['a negative priority', { priority: -1 }, ['priority']],
    ['priority 0', { priority: 0 }, []],
    ['a negative id', { runAsUser: { type: 'MustRunAs', uid: -1 } }, ['runAsUser.uid']],
    ['MustRunAs without an id', { runAsUser: { type: 'MustRunAs' } }, ['runAsUser.uid']],
    [
      'an inverted range',
      { runAsUser: { type: 'MustRunAsRange', uidRangeMin: 2, uidRangeMax: 1 } },
      ['runAsUser.uidRangeMin'],
    ],
    ['half a range', { runAsUser: { type: 'MustRunAsRange', uidRangeMin: 2 } }, ['runAsUser.uidRangeMax']],
    ['a range of one', { runAsUser: { type: 'MustRunAsRange', uidRangeMin: 2, uidRangeMax: 2 } }, []],
    ['an inverted group range', { fsGroup: range(5, 1) }, ['fsGroup.ranges[0].min']],
    ['a group range without an upper end', { fsGroup: { ranges: [{ min: 5 }] } }, ['fsGroup.ranges[0].min']],
    ['a group range without a lower end', { fsGroup: { ranges: [{ max: 5 }] } }, []],
    [
      'negative groups',
      { supplementalGroups: range(-2, -1) },
      ['supplementalGroups.ranges[0].min', 'supplementalGroups.ranges[0].max'],
    ],
    [
      'a capability allowed and dropped',
      { allowedCapabilities: ['A'], requiredDropCapabilities: ['A'] },
      ['allowedCapabilities'],
    ],
    [
      'a capability added and dropped',
      { defaultAddCapabilities: ['A'], requiredDropCapabilities: ['A'] },
      ['defaultAddCapabilities'],
    ],
    [
      'all allowed and one dropped',
      { allowedCapabilities: ['*'], requiredDropCapabilities: ['A'] },
      ['requiredDropCapabilities'],
    ],
    [
      'escalation by default but not allowed',
      { defaultAllowPrivilegeEscalation: true, allowPrivilegeEscalation: false },
      ['defaultAllowPrivilegeEscalation'],
    ],
    [
      'escalation not by default but allowed',
      { defaultAllowPrivilegeEscalation: false, allowPrivilegeEscalation: true },
      [],
    ],
    ['none beside a volume', { volumes: ['none', 'secret'] }, ['volumes']],
    ['none, which the flag adds a volume to', { volumes: ['none'], allowHostDirVolumePlugin: true }, ['volumes']],
    ['none with the flag off', { volumes: ['none', 'hostPath'], allowHostDirVolumePlugin: false }, []],
    ['drivers without flexVolume', { allowedFlexVolumes: [{ driver: 'a' }] }, ['allowedFlexVolumes']],
    ['drivers with flexVolume', { volumes: ['flexVolume'], allowedFlexVolumes: [{ driver: 'a' }] }, []],
    [
      'a driver without a name',
      { volumes: ['*'], allowedFlexVolumes: [{ driver: '' }] },
      ['allowedFlexVolumes[0].driver'],
    ],
    [
      'malformed sysctls',
      { allowedUnsafeSysctls: ['a..b', 'A', '', 'a.*.b', 'net/core', 'net.a-', 'a_.b', 'a'.repeat(254)] },
      [0, 1, 2, 3, 4, 5, 6, 7].map((at) => `allowedUnsafeSysctls[${at}]`),
    ],
    [
      'sound sysctls',
      {
        allowedUnsafeSysctls: ['kernel.msg*', 'net.core.somaxconn', 'net.a-*', 'vm.*', 'a'.repeat(253)],
        forbiddenSysctls: ['kernel.shm*'],
      },
      [],
    ],
    ['every sysctl and one', { forbiddenSysctls: ['*', 'a.b'] }, ['forbiddenSysctls']],
    [
      'sysctls allowed and forbidden',
      { allowedUnsafeSysctls: ['kernel.msgmax'], forbiddenSysctls: ['kernel.*'] },
      ['allowedUnsafeSysctls'],
    ],
    ['an unknown user namespace level', { userNamespaceLevel: 'Never' }, ['userNamespaceLevel']],
  ])('%s', (_what, fields, expected) => expect(fieldsOf(fields)).toEqual(expected));

  it('reports everything at once', () =>
    expect(fieldsOf({ priority: -1, runAsUser: null, volumes: ['none', 'nfs'] })).toEqual([
      'runAsUser.type',
      'priority',
      'volumes',
    ]));
});

describe('what storing an SCC fills in', () => {
  const stored = (fields: Record<string, unknown>) => defaultSCC(anSCC('x', fields));
  const ALL_BUT_HOST = VOLUME_TYPES.filter((type) => type !== 'hostPath');

  it.each<[string, unknown, boolean, readonly string[]]>([
    ['no list', null, false, ALL_BUT_HOST],
    ['no list, host allowed', null, true, ['*']],
    ['an empty list', [], false, ['none']],
    ['an empty list, host allowed', [], true, ['hostPath']],
    ['everything', ['*'], false, ALL_BUT_HOST],
    ['everything, host allowed', ['*'], true, ['*']],
    ['hostPath', ['hostPath', 'secret'], false, ['secret']],
    ['hostPath, host allowed', ['hostPath', 'secret'], true, ['hostPath', 'secret']],
    ['a list, host allowed', ['secret'], true, ['hostPath', 'secret']],
  ])('volumes: %s', (_what, volumes, allowHostDirVolumePlugin, expected) =>
    expect(stored({ volumes, allowHostDirVolumePlugin }).volumes).toEqual(expected),
  );

  it('fills in what is missing and keeps what is there', () => {
    expect(stored({})).toMatchObject({
      users: [],
      groups: [],
      allowPrivilegeEscalation: true,
      fsGroup: { type: 'RunAsAny' },
      supplementalGroups: { type: 'RunAsAny' },
    });
    expect(stored({ allowPrivilegeEscalation: false, fsGroup: { type: 'MustRunAs' } })).toMatchObject({
      allowPrivilegeEscalation: false,
      fsGroup: { type: 'MustRunAs' },
    });
  });
});
