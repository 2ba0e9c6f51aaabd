import { aimOf, inventoryOf, scan, type ScanChange, type ScanReport } from '@scc/scc/scan';
import { objectsOf } from './files.js';
import { watchScans } from './watch.js';

const reportOf = (...names: string[]): ScanReport => {
  const manifests = names.map((name) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: { template: { spec: { containers: [{ name: 'app' }] } } },
  }));
  const inventory = inventoryOf(
    objectsOf(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }), 'here').objects,
  );
  const aim = aimOf(inventory, undefined);
  if (!aim) throw new Error('no aim');
  return scan(inventory, aim);
};

/** A watch over looks of given outcome and length, which ends after the last one. */
async function watched(looks: readonly { seen: ScanReport | Error; tookMs: number }[], everyMs = 1000) {
  const shown: (readonly ScanChange[] | null)[] = [];
  const failed: string[] = [];
  const waits: number[] = [];
  let nowMs = 0;
  const coming = [...looks];
  await watchScans(
    {
      look: () => {
        const next = coming.shift();
        nowMs += next?.tookMs ?? 0;
        if (!next) return Promise.reject(new Error('no more looks'));
        return next.seen instanceof Error ? Promise.reject(next.seen) : Promise.resolve(next.seen);
      },
      show: (_report, changes) => Promise.resolve(void shown.push(changes)),
      failed: (reason) => void failed.push(reason),
      wait: (ms) => Promise.resolve(void waits.push(ms)),
      now: () => nowMs,
      isOver: () => coming.length === 0,
    },
    everyMs,
  );
  return { shown, failed, waits };
}

describe('watchScans', () => {
  it('tells what changed since the look before, and goes on after one that failed', async () => {
    const { shown, failed } = await watched([
      { seen: reportOf('a'), tookMs: 1 },
      { seen: reportOf('a'), tookMs: 1 },
      { seen: new Error('the API server does not answer'), tookMs: 1 },
      { seen: reportOf('b'), tookMs: 1 },
    ]);
    expect(shown.map((changes) => changes?.map(({ workload, change }) => `${workload} ${change}`) ?? null)).toEqual([
      null,
      [],
      ['Deployment shop/a removed', 'Deployment shop/b added'],
    ]);
    expect(failed).toEqual(['the API server does not answer']);
  });

  it('leaves the cluster alone for at least as long as a look took', async () => {
    const { waits } = await watched([
      { seen: reportOf('a'), tookMs: 10 },
      { seen: reportOf('a'), tookMs: 5000 },
      { seen: reportOf('a'), tookMs: 10 },
    ]);
    expect(waits).toEqual([1000, 5000]);
  });

  it('ends when the first look fails', async () => {
    await expect(watched([{ seen: new Error('forbidden'), tookMs: 1 }])).rejects.toThrow('forbidden');
  });
});
