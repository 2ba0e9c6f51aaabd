import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { ROOT, type Stack } from '../src/index.js';
import { DEPLOYMENTS, TIMEOUT_MS } from './engine.fixture.js';

const readySchema = z.looseObject({ status: z.looseObject({ readyReplicas: z.int().optional() }) });

/** Deploys a copy of a sample under a name of its own: it does not matter what other tests did to the sample itself. */
export async function deployCopy(stack: Stack, name: string): Promise<void> {
  const sample = await readFile(path.join(ROOT, 'dev', 'samples', 'catalog.yaml'), 'utf8');
  await stack.apply(sample.replaceAll('catalog', name));
  await waitFor(
    async () => readySchema.parse(await stack.api.get(`${DEPLOYMENTS}/${name}`)).status.readyReplicas === 3,
    { timeoutMs: TIMEOUT_MS, everyMs: 500, what: 'three pods of the copy to be ready' },
  );
}
