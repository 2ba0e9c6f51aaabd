import type { KubeObject } from '@scc/kube';
import { copyName, untracked } from '@scc/plan';
import { ownership, type SurveyRequest } from '@scc/routing';
import { type Place, resolvedHost, serviceHost } from './hosts.js';
import { destinationRuleSpecSchema } from './schema.js';
import { subsetLabels } from './survey.js';

type Asked = SurveyRequest & Place;

const placeOf = ({ namespace, domain }: Asked): Place => ({ namespace, ...(domain === undefined ? {} : { domain }) });

/** The Service whose host a rule is for, with its canary's. */
function pairOf(rule: KubeObject, request: Asked) {
  const { host: named } = destinationRuleSpecSchema.parse(rule['spec']);
  const host = resolvedHost(named, rule.metadata.namespace ?? '', request.domain);
  return request.services.find(({ name }) => serviceHost(name, placeOf(request)) === host);
}

/** Whether a rule is for a host of the migration. */
export const isRuleOf = (rule: KubeObject, request: Asked): boolean => pairOf(rule, request) !== undefined;

/** The policy of the stable host, said of the canary's host. */
export function canaryRule(rule: KubeObject, request: Asked): KubeObject {
  const { label, markers } = request;
  const place = placeOf(request);
  const spec = destinationRuleSpecSchema.parse(rule['spec']);
  const pair = pairOf(rule, request);
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
