import { describe, expect, it } from '@jest/globals';
import { HintBatches } from './hint-batches.js';

function batchesOf(capacity: number) {
  const seen = { sent: [] as (readonly number[])[], dropped: 0 };
  const batches = new HintBatches<number>({
    capacity,
    send: (batch) => seen.sent.push(batch),
    onDropped: () => (seen.dropped += 1),
  });
  return { seen, batches };
}

describe('batches of hints', () => {
  it('sends the first at once, and what came meanwhile together when that was taken', () => {
    const { seen, batches } = batchesOf(10);
    for (const hint of [1, 2, 3]) batches.add(hint);
    expect(seen.sent).toEqual([[1]]);
    batches.taken();
    expect(seen.sent).toEqual([[1], [2, 3]]);
    batches.taken();
    batches.add(4);
    expect(seen.sent).toEqual([[1], [2, 3], [4]]);
  });

  it('drops and counts what a busy receiver leaves no room for', () => {
    const { seen, batches } = batchesOf(2);
    for (const hint of [1, 2, 3, 4, 5]) batches.add(hint);
    expect(seen.dropped).toBe(2);
    batches.taken();
    expect(seen.sent).toEqual([[1], [2, 3]]);
  });

  it('limits a batch', () => {
    const { seen, batches } = batchesOf(2000);
    for (let hint = 0; hint < 1200; hint += 1) batches.add(hint);
    batches.taken();
    batches.taken();
    batches.taken();
    expect(seen.sent.map(({ length }) => length)).toEqual([1, 500, 500, 199]);
  });
});
