import { compareSnapshots, describeDifference, userFields } from './objects.js';

const deployment = (over: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'ledger',
    uid: 'u',
    resourceVersion: '7',
    generation: 3,
    managedFields: [{}],
    annotations: { 'deployment.kubernetes.io/revision': '4' },
  },
  spec: { replicas: 3, template: { spec: { securityContext: {} } } },
  status: { replicas: 3 },
  ...over,
});
const snapshot = (...objects: object[]) =>
  new Map(objects.map(userFields).map(({ name, fields }) => [`Deployment/${name}`, fields]));

describe('userFields', () => {
  it('keeps what a user can set and nothing else', () => {
    expect(userFields(deployment())).toEqual({
      name: 'ledger',
      fields: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'ledger' },
        spec: { replicas: 3, template: { spec: { securityContext: {} } } },
      },
    });
  });
});

describe('compareSnapshots', () => {
  it('finds no difference in what only the API server wrote', () => {
    const later = deployment({ metadata: { name: 'ledger', uid: 'v', resourceVersion: '9' }, status: {} });
    expect(compareSnapshots(snapshot(deployment()), snapshot(later))).toEqual([]);
  });

  it('names the fields of a changed object, and objects that came or went', () => {
    const changed = deployment({ spec: { replicas: 3, template: { spec: { securityContext: { runAsUser: 1 } } } } });
    expect(compareSnapshots(snapshot(deployment()), snapshot(changed)).map(describeDifference)).toEqual([
      'Deployment/ledger changed: spec.template.spec.securityContext.runAsUser',
    ]);
    expect(compareSnapshots(snapshot(deployment()), snapshot()).map(describeDifference)).toEqual([
      'Deployment/ledger removed',
    ]);
    expect(compareSnapshots(snapshot(), snapshot(deployment())).map(describeDifference)).toEqual([
      'Deployment/ledger added',
    ]);
  });

  it('sees a field that was set to null apart from one that is absent', () => {
    const before = new Map([['X/a', { spec: { host: null } }]]);
    const after = new Map([['X/a', { spec: {} }]]);
    expect(compareSnapshots(before, after)).toHaveLength(1);
  });
});
