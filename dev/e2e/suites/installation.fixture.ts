import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { KubeError } from '@scc/kube';
import { parseObjects, readObjects, type StatedObject } from '../../src/cluster/manifests.js';
import { PLATFORMS, RENDERED } from '../../src/cluster/places.js';
import { type Stack } from '../../src/index.js';
import { idOf, podsOf } from '../../src/chart/objects.fixture.js';
import { renderChart } from '../../src/chart/render.js';

/** A real API server takes every object of the chart, to the last field, and Pod Security `restricted` its Pods. */

let stack: Stack;

/** Groups that this API server does not serve. */
const FOREIGN = /^(route\.openshift\.io|cert-manager\.io|kustomize\.config\.k8s\.io)\//;

async function refusals(objects: readonly StatedObject[]): Promise<string[]> {
  const found: string[] = [];
  for (const object of objects.filter(({ apiVersion }) => !FOREIGN.test(apiVersion))) {
    const url = `${await stack.api.pathOf(object)}?fieldManager=chart-test&force=true&dryRun=All&fieldValidation=Strict`;
    await stack.api.call('PATCH', url, object, 'application/apply-patch+yaml').catch((error: unknown) => {
      if (!(error instanceof KubeError)) throw error;
      found.push(`${idOf(object)}: ${error.message}`);
    });
  }
  return found;
}

async function podRefusals(objects: readonly StatedObject[]): Promise<string[]> {
  const found: string[] = [];
  for (const [name, { annotations, spec }] of podsOf(objects)) {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `trial-${name}`, namespace: 'scc-system', annotations },
      // An account that is there: a dry run installs none.
      spec: { ...spec, serviceAccountName: 'governance' },
    };
    await stack.api.create('/api/v1/namespaces/scc-system/pods?dryRun=All', pod).catch((error: unknown) => {
      if (!(error instanceof KubeError)) throw error;
      found.push(`${name}: ${error.message}`);
    });
  }
  return found;
}

export function installation(stackOf: () => Stack): void {
  beforeAll(() => {
    stack = stackOf();
  });

  describe.each(PLATFORMS)('what is rendered for %s', (platform) => {
    it('is valid to the last field', async () => {
      expect(await refusals(await readObjects(path.join(RENDERED, platform)))).toEqual([]);
    }, 60_000);

    it('runs Pods that Pod Security `restricted` admits', async () => {
      const namespace = await stack.api.get('/api/v1/namespaces/scc-system');
      expect(namespace).toMatchObject({ metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } });
      expect(await podRefusals(await readObjects(path.join(RENDERED, platform)))).toEqual([]);
    }, 60_000);
  });

  describe('what is rendered with everything switched on', () => {
    const everything = [
      'image.repository=images.example/scc',
      'database.secretName=database',
      'temporal.address=temporal:7233',
      'certificates.source=cert-manager',
      'api.ingress=true',
      'api.host=scc.example',
      'worker.namespaces={default}',
      'mesh.istiodDebugUrl=http://istiod.istio-system:8080',
      'mesh.istiodTokenOverHttp=true',
      'mesh.prometheusUrl=http://prometheus.monitoring:9090',
      'mesh.prometheusTokenSecretName=token',
      'mesh.prometheusCaSecretName=ca',
      'mesh.prometheusHeaders.X-Scope-OrgID=shop',
      'admissionPolicies.enabled=true',
      'webhookGates.hosts={checks.example}',
      'webhookGates.caSecretName=ca',
      'temporal.caSecretName=ca',
      'temporal.clientSecretName=client',
      'temporal.apiKeySecretName=key',
      'database.caSecretName=ca',
      'webhook.clientCaSecretName=ca',
      'scheduling.priorityClassName=system-cluster-critical',
      'image.pullSecrets={pull}',
      'webhook.guardedSccs.anyuid={system:serviceaccount:shop:db}',
    ];

    it('is valid, and its Pods are admitted', async () => {
      const objects = parseObjects(await renderChart(everything.flatMap((value) => ['--set', value])));
      expect(await refusals(objects)).toEqual([]);
      expect(await podRefusals(objects)).toEqual([]);
    }, 900_000);
  });
}
