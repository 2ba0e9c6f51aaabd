import { ApplicationFailure } from '@temporalio/common';
import { GovernanceError, GovernanceUnreachable } from '@scc/governance-api';
import { KubeError, KubeUnreachable } from '@scc/kube';
import { FAILURE, WEATHER, type MigrationActivities } from '@scc/migration/contract';
import { meaningOf } from './answers.js';

const kube = (status: number, reason = '') => new KubeError(status, { message: `the server said ${status}`, reason });
const governance = (status: number) =>
  new GovernanceError({ type: 't', title: `governance said ${status}`, status, errors: [] });
const first = { attempt: 1, forMs: 100 };
const late = { attempt: 4, forMs: 9_000 };

describe('meaningOf', () => {
  it.each<[string, unknown, 'final' | 'weather']>([
    ['400, a webhook that does not support dry runs', kube(400), 'final'],
    ['403, a quota or a policy', kube(403), 'final'],
    ['404 of a kind that is not served', kube(404), 'final'],
    ['409 of a name that is taken', kube(409, 'AlreadyExists'), 'final'],
    ['409 of an older version', kube(409, 'Conflict'), 'weather'],
    ['422, a ValidatingAdmissionPolicy', kube(422, 'Invalid'), 'final'],
    ['401, a token that rotates', kube(401), 'weather'],
    ['429', kube(429), 'weather'],
    ['500', kube(500), 'weather'],
    ['504', kube(504), 'weather'],
    ['no answer of the API server', new KubeUnreachable('reset'), 'weather'],
    ['a refusal of governance', governance(403), 'final'],
    ['a fault of governance', governance(503), 'weather'],
    ['no answer of governance', new GovernanceUnreachable('away'), 'weather'],
    ['a mistake of ours', new TypeError('x is undefined'), 'weather'],
  ])('%s is %s', (_case, error, kind) => {
    const soon = meaningOf('grantTarget', error, first);
    const later = meaningOf('grantTarget', error, late);
    if (kind === 'final') {
      expect(soon).toMatchObject({ type: FAILURE.refused, nonRetryable: true, message: (error as Error).message });
    } else {
      expect(soon).toBe(error);
      expect(later).toMatchObject({ type: WEATHER, nonRetryable: true, message: (error as Error).message });
    }
  });

  it.each<keyof MigrationActivities>(['project', 'releasePlan', 'recordedOutcome', 'settlePlan', 'loadPreImages'])(
    '%s is tried until it succeeds, whatever is answered',
    (name) => {
      const error = kube(403);
      expect(meaningOf(name, error, late)).toBe(error);
    },
  );

  it('leaves what an activity has decided itself', () => {
    const decided = ApplicationFailure.nonRetryable('gates', FAILURE.gate);
    expect(meaningOf('hold', decided, late)).toBe(decided);
  });
});
