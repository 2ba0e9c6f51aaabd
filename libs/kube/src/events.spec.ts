import { EventRecorder, nameOf, type KubeEvent } from './events.js';
import { KubeError } from './errors.js';
import type { KubeObject, ObjectId } from './object.js';

const event: KubeEvent = {
  regarding: { apiVersion: 'scc.poc/v1', kind: 'SCCMigrationPlan', namespace: 'shop', name: 'ledger', uid: 'u' },
  type: 'Normal',
  reason: 'WeightShifted',
  message: '10 % of requests go to the canary',
  action: 'Migrate',
};

/** Keeps events as an API server does: names are unique, and only what exists can be patched. */
function server() {
  const events = new Map<string, Record<string, unknown>>();
  let writes = 0;
  return {
    events,
    writes: () => writes,
    create: (object: KubeObject): Promise<void> => {
      writes++;
      const name = object.metadata.name ?? '';
      if (events.has(name))
        return Promise.reject(new KubeError(409, { reason: 'AlreadyExists', message: 'it exists' }));
      events.set(name, object);
      return Promise.resolve();
    },
    merge: ({ name }: ObjectId, body: unknown): Promise<void> => {
      writes++;
      const found = events.get(name);
      if (!found) return Promise.reject(new KubeError(404, { reason: 'NotFound', message: 'none', object: name }));
      events.set(name, { ...found, ...(body as object) });
      return Promise.resolve();
    },
  };
}

describe('event recorder', () => {
  const at = { ms: Date.parse('2026-11-26T00:00:00Z') };
  const recorderOn = (api: ReturnType<typeof server>): EventRecorder =>
    new EventRecorder(api, { controller: 'scc.poc/worker', instance: 'worker-1' }, () => at.ms);

  it('writes an event as events.k8s.io has it', async () => {
    const api = server();
    await recorderOn(api).record(event);
    expect(api.events.get(nameOf(event))).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      metadata: { namespace: 'shop', name: nameOf(event) },
      eventTime: '2026-11-26T00:00:00.000000Z',
      reportingController: 'scc.poc/worker',
      reportingInstance: 'worker-1',
      note: '10 % of requests go to the canary',
    });
  });

  it('has a name that the API server takes, however long the name of its object is', () => {
    const named = (name: string) => nameOf({ ...event, regarding: { ...event.regarding, name } });
    const longest = named(`${'a'.repeat(235)}.b${'c'.repeat(16)}`);
    expect(longest.length).toBeLessThanOrEqual(253);
    expect(longest).toMatch(/^a{235}\.[0-9a-f]{16}$/);
    expect(named('a'.repeat(253))).not.toBe(named(`${'a'.repeat(252)}b`));
  });

  it('makes one event of a thousand equal ones, and writes only now and then', async () => {
    const api = server();
    const recorder = recorderOn(api);
    for (let count = 0; count < 1000; count++) {
      await recorder.record(event);
      at.ms += 100;
    }
    expect(api.events.size).toBe(1);
    expect(api.writes()).toBeLessThanOrEqual(5);
    expect(api.events.get(nameOf(event))).toMatchObject({ series: { count: 901 } });
  });

  it('counts on what another process wrote', async () => {
    const api = server();
    await recorderOn(api).record(event);
    await recorderOn(api).record(event);
    expect(api.events.size).toBe(1);
    expect(api.events.get(nameOf(event))).toMatchObject({ series: { count: 2 } });
  });

  it('writes an event again that the server has let go', async () => {
    const api = server();
    const recorder = recorderOn(api);
    await recorder.record(event);
    api.events.clear();
    at.ms += 3_600_000;
    await recorder.record(event);
    expect(api.events.size).toBe(1);
  });

  it('cuts a note at a whole character', async () => {
    const api = server();
    await recorderOn(api).record({ ...event, message: 'é'.repeat(2000) });
    const note = String([...api.events.values()][0]?.['note']);
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(note).toMatch(/^é+$/);
  });
});
