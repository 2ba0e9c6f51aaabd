import { releasedVolume, volumeFor } from './provisioner.js';

const claim = (over: { asked?: string; volumeName?: string } = {}): object => {
  const { asked = 'folders.scc.poc', volumeName } = over;
  return {
    metadata: {
      ...{ name: 'data-sessions-0', namespace: 'shop', uid: 'u1' },
      annotations: { 'volume.kubernetes.io/storage-provisioner': asked },
    },
    spec: {
      ...{ storageClassName: 'folders', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
      ...(volumeName === undefined ? {} : { volumeName }),
    },
  };
};

describe('volumeFor', () => {
  it('makes a volume of the claim’s size, mode and class, for that claim alone', () => {
    expect(volumeFor(claim())).toMatchObject({
      metadata: { name: 'pvc-u1' },
      spec: {
        ...{ capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'folders' },
        csi: { driver: 'folders.scc.poc', volumeHandle: 'pvc-u1' },
        claimRef: { namespace: 'shop', name: 'data-sessions-0', uid: 'u1' },
      },
    });
  });

  it.each([
    ['is bound', claim({ volumeName: 'pvc-u1' })],
    ['waits for another provisioner', claim({ asked: 'ebs.csi.aws.com' })],
  ])('makes none for a claim that %s', (_case, other) => {
    expect(volumeFor(other)).toBeNull();
  });
});

describe('releasedVolume', () => {
  const volume = (phase: string, by = 'folders.scc.poc', policy = 'Delete'): object => ({
    metadata: { name: 'pvc-u1', annotations: { 'pv.kubernetes.io/provisioned-by': by } },
    spec: { persistentVolumeReclaimPolicy: policy },
    status: { phase },
  });
  it.each<[string, object, string | null]>([
    ['one that is released', volume('Released'), 'pvc-u1'],
    ['none that is bound', volume('Bound'), null],
    ['none that is to be kept', volume('Released', undefined, 'Retain'), null],
    ['none of another provisioner', volume('Released', 'ebs.csi.aws.com'), null],
  ])('names %s', (_case, one, expected) => {
    expect(releasedVolume(one)).toBe(expected);
  });
});
