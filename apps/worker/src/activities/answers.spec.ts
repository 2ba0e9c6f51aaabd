import { ApplicationFailure } from '@temporalio/common';
import { GovernanceError, GovernanceUnreachable } from '@scc/governance-api';
import { KubeError, KubeUnreachable } from '@scc/kube';
import { FAILURE, TRIES, WEATHER, type MigrationActivities } from '@scc/migration/contract';
import { RoutesBehind } from '@scc/routing';
import { DenialClock, meaningOf } from './answers.js';

const kube = (status: number, reason = '') => new KubeError(status, { message: `the server said ${status}`, reason });
const governance = (status: number) =>
  new GovernanceError({ type: 't', title: `governance said ${status}`, status, errors: [] });
const first = { attempt: 1, forMs: 100, deniedForMs: 0 };
const late = { attempt: 4, forMs: 9_000, deniedForMs: 0 };
const denial = new KubeError(403, {
  message:
    'configmaps "a" is forbidden: User "system:serviceaccount:a:b" cannot get resource "configmaps" in API group ""',
  reason: 'Forbidden',
});
/** As an API server says that has just started and has not read its roles yet. */
const ofPath = new KubeError(403, {
  message:
    'forbidden: User "system:serviceaccount:a:b" cannot get path "/apis/networking.istio.io/v1": RBAC: [clusterrole.rbac.authorization.k8s.io "system:discovery" not found]',
  reason: 'Forbidden',
});

describe('meaningOf', () => {
  it.each<[string, 'final' | 'weather', unknown]>([
    ['400, a webhook that does not support dry runs', 'final', kube(400)],
    ['403, a quota or a policy', 'final', kube(403)],
    ['404 of a kind that is not served', 'final', kube(404)],
    ['409 of a name that is taken', 'final', kube(409, 'AlreadyExists')],
    ['409 of an older version', 'weather', kube(409, 'Conflict')],
    ['422, a ValidatingAdmissionPolicy', 'final', kube(422, 'Invalid')],
    ['401, a token that rotates', 'weather', kube(401)],
    ['429', 'weather', kube(429)],
    ['500', 'weather', kube(500)],
    [
      '500 of an apply that names something twice',
      'final',
      new KubeError(500, {
        message: 'failed to create typed patch object (a/b; apps/v1, Kind=Deployment): duplicate entries for key',
        reason: '',
      }),
    ],
    ['504', 'weather', kube(504)],
    ['no answer of the API server', 'weather', new KubeUnreachable('reset')],
    ['a refusal of governance', 'final', governance(403)],
    ['a fault of governance', 'weather', governance(503)],
    ['no answer of governance', 'weather', new GovernanceUnreachable('away')],
    ['a mistake of ours', 'weather', new TypeError('x is undefined')],
  ])('%s is %s', (_case, kind, error) => {
    const soon = meaningOf('grantTarget', error, first);
    const later = meaningOf('grantTarget', error, late);
    if (kind === 'final') {
      expect(soon).toMatchObject({ type: FAILURE.refused, nonRetryable: true, message: (error as Error).message });
    } else {
      expect(soon).toBe(error);
      const { message } = error as Error;
      const said = error instanceof GovernanceUnreachable ? `governance does not answer: ${message}` : message;
      expect(later).toMatchObject({ type: WEATHER, nonRetryable: true, message: said });
    }
  });

  it.each([
    [409, 'which client writes the object'],
    [429, 'load of the API server'],
    [401, 'token'],
    [500, 'its webhooks'],
  ])('names where to look where it lasts: %d', (status, remedy) => {
    expect(meaningOf('setWeights', kube(status, 'Conflict'), late)).toMatchObject({
      type: WEATHER,
      details: [{ remedy: expect.stringContaining(remedy) as unknown }],
    });
  });

  it.each<keyof MigrationActivities>(['project', 'releasePlan', 'recordedOutcome', 'settlePlan', 'takeOver'])(
    '%s is tried until it succeeds, after every answer',
    (name) => {
      const error = kube(403);
      expect(meaningOf(name, error, late)).toBe(error);
    },
  );

  it.each([
    ['an object', denial],
    ['a path', ofPath],
  ])('takes a denial of %s by the authorizer for an answer only when it lasts', (_case, denied) => {
    expect(meaningOf('setWeights', denied, { ...late, deniedForMs: 9_999 })).toBe(denied);
    expect(meaningOf('setWeights', denied, { ...late, deniedForMs: 10_000 })).toMatchObject({
      type: FAILURE.refused,
      message: denied.message,
    });
  });

  it('says a fault after one attempt in which nothing answered for long, or after the last one that Temporal makes', () => {
    const away = new KubeUnreachable('PATCH /api: no answer within 12000 ms');
    const said = { type: WEATHER, details: [{ tries: 1, remedy: expect.stringContaining('API server') as string }] };
    expect(meaningOf('createCanary', away, { ...first, forMs: 12_000, silentMs: 12_000 })).toMatchObject(said);
    expect(meaningOf('hold', away, { ...first, forMs: 60_000, silentMs: 1_000 })).toBe(away);
    expect(meaningOf('hold', away, { ...first, attempt: TRIES, forMs: 6_000 })).toMatchObject({ type: WEATHER });
  });

  it('lets Temporal count the tries in which proxies stay behind, however long each was silent', () => {
    const behind = new RoutesBehind('gateway did not take over the routes');
    expect(meaningOf('setWeights', behind, { attempt: 2, forMs: 60_000, deniedForMs: 0, silentMs: 30_000 })).toBe(
      behind,
    );
  });

  it('leaves what an activity has decided itself', () => {
    const decided = ApplicationFailure.nonRetryable('gates', FAILURE.gate);
    expect(meaningOf('hold', decided, late)).toBe(decided);
  });
});

describe('Denials', () => {
  it('measure from the first denial of a key, over a restart of the count by success or another error', () => {
    const denials = new DenialClock();
    expect(denials.lasting('a', denial, 1_000)).toBe(0);
    expect(denials.lasting('b', denial, 5_000)).toBe(0);
    expect(denials.lasting('a', denial, 6_000)).toBe(5_000);
    expect(denials.lasting('a', kube(403, 'Forbidden'), 7_000)).toBe(0);
    expect(denials.lasting('a', denial, 8_000)).toBe(0);
    expect(denials.lasting('a', denial, 9_000)).toBe(1_000);
    denials.end('a');
    expect(denials.lasting('a', denial, 10_000)).toBe(0);
    expect(denials.lasting('b', denial, 10_000)).toBe(5_000);
  });
});
