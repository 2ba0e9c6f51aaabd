import type { KubeObject } from '@scc/kube';
import { copyName, untracked } from '@scc/plan';
import { ownership, type SurveyRequest } from '@scc/routing';
import { type Place, resolvedHost, serviceHost } from './hosts.js';
import { destinationRuleSpecSchema } from './schema.js';
import { subsetLabels } from './survey.js';

/** The policy of the stable host, said of the canary's host. */
export function canaryRule(rule: KubeObject, request: SurveyRequest & Place): KubeObject {
  const { namespace, services, label, markers, domain } = request;
  const place = { namespace, ...(domain === undefined ? {} : { domain }) };
  const spec = destinationRuleSpecSchema.parse(rule['spec']);
  const host = resolvedHost(spec.host, rule.metadata.namespace ?? '', domain);
  const pair = services.find(({ name }) => serviceHost(name, place) === host);
  if (!pair) throw new Error(`DestinationRule ${rule.metadata.name ?? ''} is not of a service of the migration`);
  const subsets = spec.subsets?.map((subset) =>
    subset.labels ? { ...subset, labels: subsetLabels(subset.labels, label) } : subset,
  );
  return {
    apiVersion: rule.apiVersion,
    kind: 'DestinationRule',
    metadata: {
      namespace: rule.metadata.namespace ?? '',
      name: copyName(rule.metadata.name ?? ''),
      labels: { ...untracked(rule.metadata.labels), ...markers },
      ...ownership(request, rule.metadata.namespace),
    },
    spec: { ...spec, host: serviceHost(pair.canary, place), ...(subsets ? { subsets } : {}) },
  };
}
