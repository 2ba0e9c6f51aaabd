import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { workflowIdOf } from '@scc/migration/contract';
import { waitFor } from '@scc/runtime';
import { type ReceivedSpan, spansIn } from '@scc/testing/otlp-receiver';
import { NODE, type Stack } from '../../src/index.js';
import { deployCopy } from '../copy.fixture.js';
import { type Engine, NAMESPACE } from '../engine.fixture.js';

const PORT = 4318;
const TO_COLLECTOR = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${PORT}` };
/** The environment of a stack whose processes are traced. Until `traces` starts it, no collector answers. */
export const TRACED = { governance: TO_COLLECTOR, worker: TO_COLLECTOR, watcher: TO_COLLECTOR };

/** A collector inside the stack's network: each request it takes is a line that it prints. */
const COLLECTOR = `require('node:http').createServer((request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; }).on('end', () => { console.log(body); response.end('{}'); });
}).listen(${PORT}, '127.0.0.1', () => console.log('ready'));`;

/** Every span of the story of a plan, by process and name without ids. */
const STORY: readonly (readonly [service: string, name: RegExp])[] = [
  ['scc-watcher', /^StartWorkflow:/],
  ['scc-worker', /^RunWorkflow:/],
  ['scc-worker', /^RunActivity:/],
  ['scc-worker', /^(POST|GET) \/v1\//],
  ['scc-governance', /^(POST|GET) \/v1\//],
  ['scc-webhook', /^review$/],
];

/** One trace of a whole stack that was started with TRACED. */
export function traces(stackOf: () => Stack, { apply, untilPhase }: Engine): void {
  describe('traces', () => {
    let collector: ChildProcess;
    const spans: ReceivedSpan[] = [];
    beforeAll(async () => {
      collector = stackOf().spawn(NODE, ['-e', COLLECTOR], { stdio: ['ignore', 'pipe', 'inherit'] });
      if (!collector.stdout) throw new Error('the output of the collector is not read');
      let isReady = false;
      createInterface({ input: collector.stdout }).on('line', (line) => {
        if (isReady) spans.push(...spansIn(line));
        else isReady = true;
      });
      await waitFor(() => Promise.resolve(isReady), { timeoutMs: 30_000, what: 'the collector' });
      await deployCopy(stackOf(), 'traced');
    }, 180_000);
    afterAll(() => void collector.kill());

    it('hold a migration from the watcher to the webhook as one', async () => {
      const { metadata } = await apply('traced', 'traced', { dryRun: true });
      await untilPhase('traced', 'Completed');
      const id = workflowIdOf({ namespace: NAMESPACE, name: 'traced', uid: metadata.uid });
      const ofTrace = (): ReceivedSpan[] => {
        const isStart = ({ name, attributes }: ReceivedSpan): boolean =>
          name.startsWith('StartWorkflow:') && attributes.some(({ value }) => value['stringValue'] === id);
        const start = spans.find(isStart);
        return start ? spans.filter(({ traceId }) => traceId === start.traceId) : [];
      };
      const said = () => [...new Set(ofTrace().map(({ service, name }) => `${service} ${name}`))].toSorted();
      const orphans = (): string[] => {
        const found = ofTrace();
        const ids = new Set(found.map(({ spanId }) => spanId));
        return found.filter(({ parentSpanId }) => !ids.has(parentSpanId)).map(({ name }) => name);
      };
      await waitFor(
        () =>
          Promise.resolve(
            STORY.every(([service, name]) => ofTrace().some((one) => one.service === service && name.test(one.name))) &&
              orphans().length === 1,
          ),
        { timeoutMs: 60_000, what: 'every span of the story' },
      ).catch((error: unknown) => {
        throw new Error(`the trace holds ${said().join(', ')}; without a parent: ${orphans().join(', ')}`, {
          cause: error,
        });
      });
      expect(orphans()).toEqual([expect.stringMatching(/^StartWorkflow:/)]);
    }, 240_000);
  });
}
