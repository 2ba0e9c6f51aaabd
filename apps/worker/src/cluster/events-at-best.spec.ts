import { KubeError, type KubeClient, type KubeEvent, KubeUnreachable } from '@scc/kube';
import { eventsAtBest, refusedEvents } from './events-at-best.js';

const event: KubeEvent = {
  regarding: { apiVersion: 'scc.poc/v1', kind: 'SCCMigrationPlan', namespace: 'shop', name: 'ledger' },
  ...({ type: 'Normal', reason: 'WeightShifted', message: '10 %', action: 'Migrate' } as const),
};
const denied = new KubeError(403, { reason: 'Forbidden', message: 'events is forbidden: User "w" cannot create' });

/** A client whose Events meet this error, and what was counted and said of them. */
function aClient(error: Error | null) {
  const seen = { counted: 0, said: [] as unknown[], ms: 0 };
  const kube = Object.assign(Object.create(null) as KubeClient, {
    get: () => Promise.resolve('read'),
    recordEvent: () => (error === null ? Promise.resolve() : Promise.reject(error)),
  });
  const refused = refusedEvents(
    () => (seen.counted += 1),
    (facts) => seen.said.push(facts),
    () => seen.ms,
  );
  return { seen, kube: eventsAtBest(kube, refused) };
}

describe('Events', () => {
  it('that the API server refuses end nothing, are counted, and are said from time to time', async () => {
    const { seen, kube } = aClient(denied);
    for (let times = 0; times < 3; times++) await kube.recordEvent(event);
    const said = { namespace: 'shop', reason: 'WeightShifted', error: denied.message };
    expect(seen).toMatchObject({ counted: 3, said: [said] });
    await kube.recordEvent({ ...event, regarding: { ...event.regarding, namespace: 'other' } });
    seen.ms += 600_000;
    await kube.recordEvent(event);
    expect(seen).toMatchObject({ counted: 5, said: [said, { ...said, namespace: 'other' }, said] });
  });

  it.each<[string, Error]>([
    ['that meet a fault are tried again by who records them', new KubeError(503, { reason: '', message: 'away' })],
    ['that get no answer are too', new KubeUnreachable('reset')],
  ])('%s', async (_case, error) => {
    const { seen, kube } = aClient(error);
    await expect(kube.recordEvent(event)).rejects.toBe(error);
    expect(seen.counted).toBe(0);
  });

  it('that are taken, and all other calls, are left as they are', async () => {
    const { seen, kube } = aClient(null);
    await kube.recordEvent(event);
    await expect(kube.get({ apiVersion: 'v1', kind: 'Pod', name: 'a' })).resolves.toBe('read');
    expect(seen.counted).toBe(0);
  });
});
