import { describe, expect, it } from '@jest/globals';
import { policyDocumentSchema, type PolicyVersion, type StoredBinding } from '@scc/policy';
import { policyChanges } from './compare.js';

const document = (message: string, name = 'p') =>
  policyDocumentSchema.parse({
    name,
    rules: [{ name: 'r', when: 'true', verdict: 'deny', message, remedy: 'do not' }],
  });
const version = (number: number, message: string): PolicyVersion => ({
  ...{ name: 'p', version: number, document: document(message), contentHash: String(number) },
  ...{ author: 'ana', createdAt: '2026-01-01T00:00:00.000Z' },
});
const binding = (over: object = {}) => ({
  ...{ name: 'b', policy: 'p', action: 'enforce' as const, parameters: {}, namespaces: ['*'], kinds: [] },
  ...over,
});
const stored = (number: number, over: object = {}): StoredBinding => ({
  ...binding(),
  ...{ version: number, rowVersion: 3, changedBy: 'ana', changedAt: '2026-01-01T00:00:00.000Z' },
  ...over,
});
const summary = (...args: Parameters<typeof policyChanges>): string[] =>
  policyChanges(...args).map(({ kind, change, fields }) =>
    [kind, change, ...fields.map(({ field, value }) => `${field}=${JSON.stringify(value)}`)].join(' '),
  );

describe('changes of policies in files', () => {
  it('are all new where governance has none', () => {
    expect(summary([document('no')], [binding()], { policies: [], older: [], bindings: [] })).toEqual([
      'Policy new',
      'PolicyBinding new',
    ]);
  });

  it('are none where governance has the same', () => {
    const there = { policies: [version(2, 'no')], older: [], bindings: [stored(2)] };
    expect(summary([document('no')], [binding()], there)).toEqual(['Policy same', 'PolicyBinding same']);
  });

  it('name the fields, and bind the version that is to be stored', () => {
    const there = { policies: [version(2, 'no')], older: [], bindings: [stored(2)] };
    expect(summary([document('never')], [binding({ action: 'warn' })], there)).toEqual([
      'Policy changed /rules/0/message="never"',
      'PolicyBinding changed /action="warn" /version=3',
    ]);
  });

  it('leave a policy at the older version that is bound, when the files hold its content', () => {
    const there = { policies: [version(2, 'never')], older: [version(1, 'no')], bindings: [stored(1)] };
    expect(summary([document('no')], [binding()], there)).toEqual(['Policy same', 'PolicyBinding same']);
  });

  it('keep a version that the binding names, and tell of bindings that no file has', () => {
    const there = { policies: [version(2, 'no')], older: [], bindings: [stored(2), stored(2, { name: 'c' })] };
    expect(summary([], [binding({ version: 1 })], there)).toEqual([
      'PolicyBinding changed /version=1',
      'PolicyBinding only in governance',
    ]);
  });
});
