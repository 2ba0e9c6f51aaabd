import { describe, expect, it } from '@jest/globals';
import { lastWriter, writerOf } from './managed-fields.js';

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

describe('lastWriter', () => {
  it.each<[string, string[], string]>([
    ['the newest of all without a field', [], 'autoscaler'],
    ['the newest of those who wrote the field', ['spec.template'], 'kubectl-edit'],
    ['the same by a field below, up to the first list', ['spec.template.spec[app].image'], 'kubectl-edit'],
    ['whoever wrote one of several', ['spec.gone', 'spec.template'], 'kubectl-edit'],
    ['the newest of all where the field is gone', ['spec.gone'], 'autoscaler'],
  ])('names %s', (_what, fields, manager) => {
    expect(lastWriter(deployment, 'scc', fields)).toBe(manager);
  });

  it('names who scaled by the subresource, and never the writer of a status or oneself', () => {
    const scaled = {
      ...deployment,
      metadata: {
        managedFields: [
          ...deployment.metadata.managedFields,
          entry('kubectl', '2026-03-10T12:25:00Z', { 'f:spec': { 'f:replicas': {} } }, 'scale'),
          entry('scc', '2026-03-10T12:40:00Z', { 'f:spec': { 'f:replicas': {} } }),
        ],
      },
    };
    expect(lastWriter(scaled, 'scc', ['spec.replicas'])).toBe('kubectl');
    expect(lastWriter({ ...deployment, metadata: {} }, 'scc', ['spec.replicas'])).toBe('an unknown client');
  });
});
