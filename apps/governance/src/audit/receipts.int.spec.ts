import { describe, expect, it } from '@jest/globals';
import { decodeReceipts, RECEIPTS_HEADER } from '@scc/governance-api';
import { aSigner, seal } from '../audit/audit-log.fixture.js';
import { apiSuite } from '../suite.fixture.js';

const { database, test } = apiSuite();

const bind = (name: string, headers: Record<string, string> = {}) =>
  test.call('olga/admin', 'POST', '/v1/role-bindings', {
    body: { role: 'viewer', subject: { kind: 'User', name }, namespaces: 'shop' },
    headers,
  });

describe('an answer to a write', () => {
  it('carries the receipts of its entries, with the newest checkpoint', async () => {
    expect(decodeReceipts((await bind('first')).headers.get(RECEIPTS_HEADER) ?? '')).toMatchObject([
      { checkpoint: null },
    ]);
    await seal(database.app, { signer: aSigner('scc.poc/test'), origin: 'scc.poc/test' });
    const { status, headers } = await bind('åsa');
    expect(status).toBe(201);
    const [receipt, ...more] = decodeReceipts(headers.get(RECEIPTS_HEADER) ?? '');
    expect(more).toEqual([]);
    expect(receipt?.checkpoint).toMatch(/^scc\.poc\/test\n/);
    expect(
      await database.app.query<unknown>(
        `select action, encode(leaf_hash, 'hex') as "leafHash" from audit_entry where entry_id = $1`,
        [receipt?.entryId],
      ),
    ).toEqual([{ action: 'access.granted', leafHash: receipt?.leafHash }]);
  });

  it('carries none when nothing was written, or when it was answered before', async () => {
    const key = { 'idempotency-key': 'bind-once' };
    expect((await bind('once', key)).headers.has(RECEIPTS_HEADER)).toBe(true);
    expect((await bind('once', key)).headers.has(RECEIPTS_HEADER)).toBe(false);
    expect((await bind('once')).headers.has(RECEIPTS_HEADER)).toBe(false);
    const read = await test.call('olga/admin', 'GET', '/v1/role-bindings');
    expect(read.headers.has(RECEIPTS_HEADER)).toBe(false);
  });

  it('reads nothing from a header that is none of ours', () => {
    for (const header of ['', 'x', 'bnVsbA', undefined, ['a']]) expect(decodeReceipts(header)).toEqual([]);
  });
});
