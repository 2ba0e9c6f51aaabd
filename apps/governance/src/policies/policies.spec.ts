import { describe, expect, it } from '@jest/globals';
import {
  compilePolicy,
  EXAMPLE_FACTS,
  POLICY_INPUTS,
  policyBindingSchema,
  policyDocumentSchema,
  tryPolicy,
} from '@scc/policy';
import { aRequest, NOON } from '../governance.fixture.js';
import { policyContext } from './context.js';
import { defaultBindings, defaultPolicies } from './defaults.js';
import { policyExamples } from './examples.js';
import { checkDocument } from './store.js';
import { appliesTo, type BoundPolicy, type Verdicts, verdictsOf } from './verdicts.js';
import { defaultSCCs } from '@scc/scc';

const bound = (): BoundPolicy[] => {
  const policies = defaultPolicies().map((document) => {
    const compilation = compilePolicy(document, POLICY_INPUTS);
    if (!compilation.ok) throw new Error(JSON.stringify(compilation.issues));
    return compilation.policy;
  });
  return defaultBindings().map((binding) => ({
    binding,
    policy: policies.find(({ document }) => document.name === binding.policy)!,
  }));
};
const scc = (name: string) => defaultSCCs().find(({ metadata }) => metadata.name === name) ?? null;

type Over = Parameters<typeof aRequest>[0] & {
  from?: string;
  to?: string;
  band?: 'low' | 'medium' | 'high' | 'critical';
  changeRisk?: number;
  lifted?: string[];
};
function contextOf({ from = 'anyuid', to = 'restricted-v2', band = 'low', changeRisk = 0, ...over }: Over) {
  const request = aRequest({ ...over, facts: { sourceSCC: from, targetSCC: to, ...over.facts } });
  const risk = {
    assessmentId: 'a',
    modelVersion: 'm',
    band,
    raisedBy: 'both' as const,
    changeRisk,
    interval: [0, 1] as [number, number],
    exposure: 0,
    factors: [],
    cheapestChange: null,
  };
  return policyContext({
    request,
    risk,
    sccs: { source: request.facts.sourceSCC === null ? null : scc(from), target: scc(to) },
    history: { completed: 0, undone: 0 },
    now: new Date(NOON),
  });
}
const verdicts = ({ lifted = [], ...over }: Over): Verdicts => verdictsOf(bound(), contextOf(over), new Set(lifted));
const summary = ({ violations, approvals }: Verdicts): string[] => [
  ...violations.map(({ code }) => code),
  ...approvals.map(({ role, count }) => `${count} ${role}`),
];
const workload = (replicas: number) => ({
  workload: { kind: 'Deployment', name: 'ledger', uid: 'w', labels: {}, replicas, serviceAccountName: 'sa' },
});

const template = (container: Record<string, unknown> = {}) => ({
  spec: { containers: [{ name: 'app', image: 'ledger', ...container }] },
});
const patched = (container: Record<string, unknown>) => ({
  podTemplate: template(),
  patchedTemplate: template(container),
});

const pod = (scc: string | null) => ({ name: `p-${scc ?? ''}`, uid: `p-${scc ?? ''}`, scc, node: 'node', ready: true });
const mixture = [pod('restricted-v2'), pod('restricted-v3')];
const unbound = [pod(null)];

/** The names of all members, down to those whose members have names of users. */
function namesIn(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [at];
  if (/^(workload\.(labels|template|patchedTemplate)|namespace\.labels|plan\.workloadRef)$/.test(at)) return [at];
  return Object.entries(value).flatMap(([key, inner]) => namesIn(inner, at === '' ? key : `${at}.${key}`));
}

describe('the facts with which tests of policies begin', () => {
  it('have the members that policies read in governance', () => {
    const [, full = {}] = policyExamples();
    expect(namesIn(EXAMPLE_FACTS)).toEqual(namesIn(full));
  });
});

describe('the default policies', () => {
  it('fail on none of the examples', () => {
    for (const { policy } of bound()) expect(tryPolicy(policy, policyExamples())).toEqual([]);
  });

  it.each<[string, Over, string[]]>([
    ['let a workload be tightened', {}, []],
    [
      'refuse privileged without an exception',
      { to: 'privileged', spec: { justification: 'the node agent loads a module' } },
      ['PrivilegedNeedsExpiry', '2 approver'],
    ],
    [
      'ask two people for privileged with an exception',
      {
        to: 'privileged',
        spec: { justification: 'the node agent loads a module' },
        lifted: ['privileged-needs-expiry'],
      },
      ['2 approver'],
    ],
    ['refuse loosening without a reason', { from: 'restricted-v2', to: 'anyuid' }, ['LooseningNeedsJustification']],
    [
      'allow loosening with a reason',
      { from: 'restricted-v2', to: 'anyuid', spec: { justification: 'the image runs as root' } },
      [],
    ],
    [
      'treat an unknown target as the most powerful',
      { to: 'mystery' },
      ['PrivilegedNeedsExpiry', 'LooseningNeedsJustification', '2 approver'],
    ],
    ...(['hostaccess', 'hostmount-anyuid', 'hostnetwork-v2'] as const).map((to): [string, Over, string[]] => [
      `ask one person for ${to} when the pods run under a mixture of SCCs, and for a reason`,
      { to, facts: { sourceSCC: null, pods: mixture } },
      ['LooseningNeedsJustification', '1 approver'],
    ]),
    [
      'ask one person for the node from any source',
      { from: 'hostaccess', to: 'hostmount-anyuid-v2', spec: { justification: 'it needs the files of the node' } },
      ['1 approver'],
    ],
    [
      'refuse what cannot be compared without a reason',
      { facts: { sourceSCC: null, pods: [] } },
      ['LooseningNeedsJustification'],
    ],
    ['let pods that run under no SCC be tightened', { facts: { sourceSCC: null, pods: unbound } }, []],
    [
      'let the patch of a plan hold what the target needs',
      { facts: patched({ securityContext: { runAsUser: 7 } }) },
      [],
    ],
    ['ask one person for another image', { facts: patched({ image: 'evil' }) }, ['1 approver']],
    [
      'ask one person for an outage in which the owners of data change',
      { spec: { volumes: { census: false, ownerChange: 'WhileStopped' } } },
      ['1 approver'],
    ],
    ['ask nobody for a census', { spec: { volumes: { census: true } } }, []],
    ['ask one person for many pods', { facts: workload(51) }, ['1 approver']],
    ['ask one person for many callers', { facts: { dependents: 21 } }, ['1 approver']],
    ['do not stumble over unknown callers', { facts: { dependents: null } }, []],
    ['refuse too many pods', { facts: workload(501) }, ['BlastRadius', '1 approver']],
    ['ask one person at high risk', { band: 'high' }, ['1 approver']],
    ['ask two people at critical risk', { band: 'critical' }, ['2 approver']],
    ['refuse what will probably fail', { changeRisk: 0.81 }, ['RiskCeiling']],
  ])('%s', (_case, over, expected) => {
    expect(summary(verdicts(over)).sort()).toEqual(expected.toSorted());
  });
});

describe('the policy about patches', () => {
  it('names the fields, and how many more there are', () => {
    const env = Array.from({ length: 12 }, (_item, at) => ({ name: `V${at}`, value: 'x' }));
    const { approvals } = verdicts({ facts: patched({ image: 'evil', env }) });
    expect(approvals.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/the SCC restricted-v2 needs: spec\.containers\[app\]\.image, .*, and 3 more$/),
    ]);
  });
});

describe('checkDocument', () => {
  const asking = (role: string) =>
    policyDocumentSchema.parse({
      name: 'asks',
      rules: [
        {
          name: 'rule',
          when: 'plan.name == "x"',
          verdict: 'requireApproval',
          approval: { role, count: 1 },
          message: 'ask',
          remedy: 'ask',
        },
      ],
    });

  it('takes a role that people can hold, and no other', async () => {
    await expect(checkDocument(asking('approver'))).resolves.toBeUndefined();
    for (const role of ['approvers', 'engine'])
      await expect(checkDocument(asking(role))).rejects.toEqual(
        expect.objectContaining({
          kind: 'invalid',
          issues: [expect.objectContaining({ field: 'rules[0].approval.role' })],
        }),
      );
  });
});

describe('verdictsOf', () => {
  const rule = (when: string) => ({ name: 'rule', when, verdict: 'deny' as const, message: 'no', remedy: 'do not' });
  const binding = (action: 'enforce' | 'warn' | 'audit', when: string): BoundPolicy => {
    const compilation = compilePolicy(
      {
        name: 'test-policy',
        description: '',
        parameters: {},
        variables: [],
        rules: [{ ...rule(when), field: 'spec' }],
      },
      POLICY_INPUTS,
    );
    if (!compilation.ok) throw new Error('does not compile');
    return {
      binding: policyBindingSchema.parse({ name: 'b', policy: 'test-policy', version: 1, action }),
      policy: compilation.policy,
    };
  };
  const [bare = {}] = policyExamples();

  it('enforces, warns or records as the binding says', () => {
    const of = (action: 'enforce' | 'warn' | 'audit'): Verdicts =>
      verdictsOf([binding(action, 'true')], bare, new Set());
    expect(of('enforce').violations).toMatchObject([{ code: 'TestPolicy', message: 'no' }]);
    expect(of('warn')).toMatchObject({ violations: [], warnings: ['test-policy: no'], recorded: [] });
    expect(of('audit')).toMatchObject({ violations: [], warnings: [], recorded: [{ because: 'audit' }] });
  });

  it('refuses what cannot be evaluated and names the expression', () => {
    const { violations } = verdictsOf([binding('enforce', 'workload.labels.tier == "gold"')], bare, new Set());
    expect(violations).toMatchObject([{ code: 'PolicyFailed' }]);
    expect(violations[0]?.message).toContain('workload.labels.tier == "gold"');
  });
});

describe('appliesTo', () => {
  it.each([
    [['shop'], [], true],
    [['sho*'], ['Deployment'], true],
    [['bank'], [], false],
    [['*'], ['StatefulSet'], false],
    [['*'], ['CronJob'], false],
  ] as const)('namespaces %j and kinds %j: %s', (namespaces, kinds, applies) => {
    expect(appliesTo({ namespaces: [...namespaces], kinds: [...kinds] }, aRequest())).toBe(applies);
  });
});

describe('the context of a policy', () => {
  it('names the gates that can end a migration, and none that is only tried', () => {
    const gate = { preset: 'request-success-rate', min: 99 };
    const metrics = [
      { name: 'success', ...gate },
      { name: 'tried', ...gate, dryRun: true },
    ];
    expect(contextOf({ spec: { gates: { metrics } } })['plan']).toMatchObject({ metrics: ['success'] });
  });
});
