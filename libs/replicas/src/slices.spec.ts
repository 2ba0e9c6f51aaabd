import { describe, expect, it } from '@jest/globals';
import { LENT_ANNOTATION, LENT_FROM_ANNOTATION } from '@scc/plan';
import { MANAGER_LABEL, SERVICE_LABEL, sliceSchema, type Slice } from './schema.js';
import { isLent, renewedSlice } from './slices.js';

const pod = (address: string, ready = true) => ({ addresses: [address], conditions: { ready } });
const lent = (address: string) => ({
  addresses: [address],
  conditions: { ready: true, serving: true, terminating: false },
});
const ports = [{ name: 'http', port: 8080 }];
const ours = (count: number, ...addresses: string[]): Slice =>
  sliceSchema.parse({
    metadata: {
      labels: { [SERVICE_LABEL]: 'ledger', [MANAGER_LABEL]: 'scc-orchestrator' },
      annotations: { [LENT_ANNOTATION]: String(count), [LENT_FROM_ANNOTATION]: 'ledger-canary' },
    },
    ports,
    endpoints: addresses.map(lent),
  });
const source = (endpoints: object[], addressType = 'IPv4'): Slice =>
  sliceSchema.parse({ metadata: { labels: { [SERVICE_LABEL]: 'ledger-canary' } }, ports, endpoints, addressType });
const addressesOf = (found: ReturnType<typeof renewedSlice>) => found?.endpoints?.map(({ addresses }) => addresses[0]);

describe('endpoints that are lent', () => {
  it('stay while their pods are ready', () => {
    expect(renewedSlice(ours(1, '10.0.0.2'), [source([pod('10.0.0.1'), pod('10.0.0.2')])])).toBeNull();
  });

  it('are replaced by another ready pod when their own is not ready any more, or ends', () => {
    const gone = source([pod('10.0.0.1'), pod('10.0.0.2', false)]);
    expect(addressesOf(renewedSlice(ours(1, '10.0.0.2'), [gone]))).toEqual(['10.0.0.1']);
    const ending = source([{ ...pod('10.0.0.1'), conditions: { ready: false, serving: true, terminating: true } }]);
    expect(addressesOf(renewedSlice(ours(1, '10.0.0.1'), [ending]))).toEqual([]);
  });

  it('become as many again as were asked for', () => {
    const all = source([pod('10.0.0.1'), pod('10.0.0.2'), pod('10.0.0.3')]);
    expect(addressesOf(renewedSlice(ours(2, '10.0.0.3'), [all]))).toEqual(['10.0.0.1', '10.0.0.3']);
  });

  it('are those of one family of addresses', () => {
    expect(renewedSlice(ours(1, '10.0.0.1'), [source([pod('fd00::1')], 'IPv6')])).toBeNull();
  });

  it('are told from those that a user wrote for the same Service', () => {
    expect(isLent(ours(1))).toBe(true);
    expect(isLent(source([]))).toBe(false);
  });
});
