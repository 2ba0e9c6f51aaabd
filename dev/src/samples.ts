import path from 'node:path';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import type { Api } from './cluster/api.js';
import { ROOT } from './paths.js';

/** The folder of the sample shop's manifests. */
export const SAMPLES = path.join(ROOT, 'dev', 'samples');

const deploymentSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), generation: z.int() }),
  spec: z.looseObject({ replicas: z.int() }),
  status: z.looseObject({
    observedGeneration: z.int().default(0),
    availableReplicas: z.int().default(0),
    updatedReplicas: z.int().default(0),
  }),
});

const isUp = (value: unknown): boolean => {
  const { metadata, spec, status } = deploymentSchema.parse(value);
  const { observedGeneration, availableReplicas, updatedReplicas } = status;
  return (
    observedGeneration >= metadata.generation && updatedReplicas >= spec.replicas && availableReplicas >= spec.replicas
  );
};

/** Applies the sample shop and waits until all of its Deployments are available. */
export async function deploySamples(stack: { api: Api; apply: (manifests: string) => Promise<void> }): Promise<void> {
  await stack.apply(SAMPLES);
  await waitForDeployments(stack.api, 'shop');
}

/** Waits until every Deployment of a namespace runs all its replicas, each available. */
export async function waitForDeployments(api: Api, namespace: string, timeoutMs = 60_000): Promise<void> {
  await waitFor(
    async () => {
      const { items } = await api.list(`/apis/apps/v1/namespaces/${namespace}/deployments`);
      return items.length > 0 && items.every(isUp);
    },
    { timeoutMs, everyMs: 100, what: `the Deployments of ${namespace}` },
  );
}
