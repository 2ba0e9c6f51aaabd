import fc from 'fast-check';
import { CANARY_ROLE, isCanaryObject, PLAN_ANNOTATION, PLAN_LABEL, ROLE_LABEL } from './labels.js';
import {
  canaryAnnotations,
  canaryLabels,
  canaryName,
  copyName,
  grantBindingName,
  labelValue,
  planLabelValue,
  planNameOf,
} from './names.js';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_VALUE = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** Names as the API server takes them: labels up to 63 characters, joined by dots up to 253. */
const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const subdomain = fc.array(label, { minLength: 1, maxLength: 8 }).map((parts) =>
  parts
    .join('.')
    .slice(0, 253)
    .replace(/[-.]+$/, ''),
);
/** Names that differ only near their end, where shortening could make them the same. */
const twins = fc
  .tuple(fc.integer({ min: 30, max: 250 }), label, label)
  .map(([length, a, b]) => [`${'x'.repeat(length)}${a}`.slice(0, 253), `${'x'.repeat(length)}${b}`.slice(0, 253)])
  .filter(([a, b]) => a !== b);

describe('names of what the engine creates', () => {
  it.each<[string, string, string]>([
    ['a canary', canaryName('ledger'), 'ledger-scc-canary'],
    ['a copy', copyName('allow-ledger'), 'allow-ledger-scc-canary'],
    ['a grant', grantBindingName('restricted-v2', 'ledger'), 'scc-restricted-v2-ledger'],
    ["a plan's label", planLabelValue('ledger-to-restricted'), 'ledger-to-restricted'],
  ])('stay readable while they are short: %s', (_case, name, expected) => {
    expect(name).toBe(expected);
  });

  it.each<[string, { nameOf: (name: string) => string; given: fc.Arbitrary<string>; valid: RegExp; max: number }]>([
    ['canaries of Services and workloads', { nameOf: canaryName, given: label, valid: DNS_LABEL, max: 63 }],
    ['copies', { nameOf: copyName, given: subdomain, valid: DNS_SUBDOMAIN, max: 253 }],
    ['labels', { nameOf: labelValue, given: subdomain, valid: LABEL_VALUE, max: 63 }],
  ])('are valid and within their limit: %s', (_case, { nameOf, given, valid, max }) => {
    fc.assert(
      fc.property(given, (name) => {
        expect(nameOf(name)).toMatch(valid);
        expect(nameOf(name).length).toBeLessThanOrEqual(max);
        expect(nameOf(name)).toBe(nameOf(name));
      }),
    );
  });

  it.each<[string, (name: string) => string]>([
    ['canaries', canaryName],
    ['copies', copyName],
    ['labels', labelValue],
  ])('differ for different names: %s', (_case, nameOf) => {
    fc.assert(fc.property(twins, ([a = '', b = '']) => nameOf(a) !== nameOf(b)));
  });

  it('differ for every pair of an SCC and a ServiceAccount', () => {
    fc.assert(
      fc.property(fc.tuple(subdomain, subdomain, subdomain, subdomain), ([scc, account, otherSCC, otherAccount]) => {
        fc.pre(scc !== otherSCC || account !== otherAccount);
        expect(grantBindingName(scc, account)).not.toBe(grantBindingName(otherSCC, otherAccount));
      }),
    );
    expect(grantBindingName('a', 'b-c')).not.toBe(grantBindingName('a-b', 'c'));
    expect(grantBindingName('x'.repeat(253), 'y'.repeat(253)).length).toBeLessThanOrEqual(253);
  });

  it("shorten a label so that it can be no other object's name", () => {
    expect(labelValue('x'.repeat(64))).toMatch(/^x{52}_[0-9a-f]{10}$/);
  });
});

describe('marks of what was made for a plan', () => {
  it('lead back to plans of any name', () => {
    fc.assert(
      fc.property(subdomain, (plan) => {
        const metadata = { labels: canaryLabels(plan), annotations: canaryAnnotations(plan) };
        expect(isCanaryObject(metadata)).toBe(true);
        expect(planNameOf(metadata)).toBe(plan);
      }),
    );
  });

  it('are those of earlier versions for short names', () => {
    expect(canaryLabels('to-restricted')).toEqual({ [PLAN_LABEL]: 'to-restricted', [ROLE_LABEL]: CANARY_ROLE });
    expect(canaryAnnotations('to-restricted')).toEqual({});
    expect(Object.keys(canaryAnnotations('x'.repeat(64)))).toEqual([PLAN_ANNOTATION]);
  });
});
