import { describe, expect, it } from '@jest/globals';
import type { AuditBody, JsonValue } from './index.js';
import { noticedLate } from './noticed-late.js';

const entry = (action: string, occurredAt: string, details: JsonValue): AuditBody => ({
  ...{ v: 1, id: action, occurredAt, actor: { name: 'governance' }, action, object: { kind: 'SCCMigrationPlan' } },
  ...{ requestId: null, details },
});
const at = (second: string): string => `2026-03-10T12:00:${second}.000Z`;
const content = (scc: string, unseenFrom: string | null): JsonValue => ({
  ...{ scc, contentHash: 'b94d27b9934d3e08', seenAt: at('30'), unseenFrom },
});
const event = (type: string, occurredAt: string, sequence: number): AuditBody =>
  entry(`migration.event.${type}`, occurredAt, { sequence, at: at('00'), event: { type } });

describe('noticedLate', () => {
  it('bounds the content of an SCC that came unseen, as the newest evaluation has it', () => {
    const evaluated = (unseenFrom: string | null): AuditBody =>
      entry('migration.evaluated', at('40'), { contents: [content('anyuid', unseenFrom), content('nonroot', null)] });
    expect(noticedLate([evaluated(null), evaluated(at('10'))])).toEqual([
      { what: 'the content b94d27b9934d of the SCC anyuid', from: at('10'), to: at('30') },
    ]);
    expect(noticedLate([evaluated(at('10')), evaluated(null)])).toEqual([]);
  });

  it('bounds events that were written down long after their date', () => {
    expect(noticedLate([event('PlanAccepted', at('05'), 0), event('MigrationCompleted', at('55'), 1)])).toEqual([
      { what: 'MigrationCompleted (1)', from: at('00'), to: at('55') },
    ]);
  });

  it('says nothing of entries of earlier versions', () => {
    expect(noticedLate([entry('migration.evaluated', at('40'), { uid: 'u' }), entry('x', at('50'), null)])).toEqual([]);
  });
});
