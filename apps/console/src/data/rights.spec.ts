import { describe, expect, it } from '@jest/globals';
import { lackOf, may, mayAnywhere } from './rights.js';

const me = { permissions: [{ permission: 'approvals:decide', namespaces: ['shop', 'team-*'], roles: ['approver'] }] };

describe('what the pages offer', () => {
  it('is in the namespaces of the role', () => {
    expect(['shop', 'team-a', 'shops', 'other'].map((namespace) => may(me, 'approvals:decide', namespace))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(may(me, 'approvals:decide', null)).toBe(false);
    expect(mayAnywhere(me, 'approvals:decide')).toBe(true);
  });

  it('takes no character of a namespace for a pattern', () => {
    const dotted = { permissions: [{ permission: 'p:q', namespaces: ['a.c'], roles: [] }] };
    expect(may(dotted, 'p:q', 'abc')).toBe(false);
  });

  it('comes with the reason where it is not', () => {
    expect(lackOf(me, 'approvals:decide', 'shop')).toBeNull();
    expect(lackOf(me, 'commands:grant', 'shop')).toMatch(/lack commands:grant in the namespace shop\. Ask an admin/);
  });
});
