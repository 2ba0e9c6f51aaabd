import type { MirrorAbility } from './mirror-rules.js';
import type { RuleScope } from './references.js';
import type { Backend, Match, Rule } from './schema.js';

export const scope: RuleScope = {
  namespace: 'shop',
  services: [{ name: 'ledger', canary: 'ledger-scc-canary' }],
  kind: 'HTTPRoute',
  routeNamespace: 'shop',
};
export const ability: MirrorAbility = { hasPercent: true, foreignPaths: [] };

/** As the API server keeps it: with the defaults of the schema. */
export const to = (name: string, weight = 1, over: Partial<Backend> = {}): Backend => ({
  group: '',
  kind: 'Service',
  name,
  port: 80,
  weight,
  ...over,
});
export const at = (value: string, over: Partial<Match> = {}): Match => ({
  path: { type: 'PathPrefix', value },
  ...over,
});
export const aRule = (over: Partial<Rule> = {}): Rule => ({ matches: [at('/')], backendRefs: [to('ledger')], ...over });

export const weightsOf = (rule: Rule | undefined): Record<string, number> =>
  Object.fromEntries((rule?.backendRefs ?? []).map(({ name, weight = 1 }) => [name, weight]));
