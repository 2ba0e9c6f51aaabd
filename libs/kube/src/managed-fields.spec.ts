import { describe, expect, it } from '@jest/globals';
import { writerOf } from './managed-fields.js';

const entry = (manager: string, time: string, fieldsV1: Record<string, unknown>, subresource?: string) => ({
  ...{ manager, operation: 'Update', time, fieldsV1 },
  ...(subresource === undefined ? {} : { subresource }),
});
const template = { 'f:spec': { 'f:template': { 'f:spec': {} } } };
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'ledger',
    managedFields: [
      entry('helm', '2026-03-10T12:00:00Z', template),
      entry('kubectl-edit', '2026-03-10T12:10:00Z', template),
      entry('autoscaler', '2026-03-10T12:20:00Z', { 'f:spec': { 'f:replicas': {} } }),
      entry('controller', '2026-03-10T12:30:00Z', template, 'status'),
    ],
  },
};
const between = (after: string, until: string) => ({ after: new Date(after), until: new Date(until) });

describe('writerOf', () => {
  it.each<[string, string[], ReturnType<typeof between>, string | null]>([
    [
      'the newest writer of the part',
      ['spec', 'template'],
      between('2026-03-10T12:00:00.400Z', '2026-03-10T13:00:00Z'),
      'kubectl-edit',
    ],
    ['a writer of another part', ['spec'], between('2026-03-10T12:00:00Z', '2026-03-10T13:00:00Z'), 'autoscaler'],
    ['the one before the end', ['spec', 'template'], between('2026-03-10T11:00:00Z', '2026-03-10T12:05:00Z'), 'helm'],
    ['no writer from before', ['spec', 'template'], between('2026-03-10T12:10:00.900Z', '2026-03-10T13:00:00Z'), null],
    ['any writer without a path', [], between('2026-03-10T12:00:00Z', '2026-03-10T13:00:00Z'), 'autoscaler'],
  ])('names %s', (_what, path, time, manager) => {
    expect(writerOf(deployment, path, time)).toBe(manager);
  });
});
