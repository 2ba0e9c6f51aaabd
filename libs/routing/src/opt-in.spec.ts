import { describe, expect, it } from '@jest/globals';
import { hasAgreed, notAgreed, type Written } from './opt-in.js';

const route = (namespace: string, name = 'route'): Written => ({ kind: 'VirtualService', namespace, name });
const rule = (namespace: string, name = 'rule'): Written => ({ kind: 'DestinationRule', namespace, name });
const refusals = async (written: Written[], ...agreed: string[]): Promise<string[]> =>
  (await notAgreed('shop', written, (namespace) => Promise.resolve(agreed.includes(namespace)))).map(
    ({ message }) => message,
  );

describe('what a migration would write in other namespaces', () => {
  it.each<[string, Written[], string[]]>([
    ['is nothing', [], []],
    ['is of the namespace of the plan', [route('shop'), rule('shop')], []],
    ['is where that was agreed', [route('shop'), route('edge'), rule('edge')], ['edge']],
  ])('is no violation when it %s', async (_case, written, agreed) =>
    expect(await refusals(written, ...agreed)).toEqual([]),
  );

  it('is one violation for each namespace that has not agreed, with what would be written and the remedy', async () => {
    const written = [route('edge', 'a'), rule('edge', 'b'), route('other'), route('agreed')];
    expect(await refusals(written, 'agreed')).toEqual([
      'the migration would write VirtualService a, DestinationRule b in the namespace edge, which has not agreed to migrations',
      'the migration would write VirtualService route in the namespace other, which has not agreed to migrations',
    ]);
    const [violation] = await notAgreed('shop', [route('edge')], () => Promise.resolve(false));
    expect(violation?.remedy).toMatch(/^Let an administrator of the cluster label \S+ scc\.poc\/managed=true/);
  });

  it.each([
    [{ 'scc.poc/managed': 'true' }, true],
    [{ 'scc.poc/managed': 'false' }, false],
    [{ 'scc.poc/managed': 'TRUE' }, false],
    [{}, false],
    [null, false],
  ])('is agreed to by labels %j: %s', (labels, expected) => expect(hasAgreed(labels)).toBe(expected));
});
