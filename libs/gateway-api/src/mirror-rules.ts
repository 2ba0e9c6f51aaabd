import type { Mirror } from '@scc/routing';
import { fitsIn } from './beside.js';
import { MAX_FILTERS, MAX_MATCHES } from './limits.js';
import { pairOf, ruleSendsTo, type RuleScope } from './references.js';
import { ALL, pathOf, type Filter, type Match, type Rule } from './schema.js';
import { testersRules } from './testers.js';

/** The part of mirroring that a route can have. */
export interface MirrorAbility {
  /** Whether the schema of the kind knows the share of requests that a mirror gets (from 1.3 on). */
  hasPercent: boolean;
  /** Paths, as `pathOf` says them, that other routes of the same host match without a method. */
  foreignPaths: readonly string[];
}

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

const matchesOf = ({ matches }: Rule): Match[] => (matches?.length ? matches : [ALL]);

/** The conditions of a rule, narrowed to methods that change nothing; none is left when it was for others only. */
const safeMatches = (rule: Rule): Match[] =>
  matchesOf(rule).flatMap((match) => {
    if (match.method === undefined) return SAFE_METHODS.map((method) => ({ ...match, method }));
    return typeof match.method === 'string' && SAFE_METHODS.includes(match.method) ? [match] : [];
  });

function mirrorFilter(rule: Rule, { percentage }: Mirror, scope: RuleScope): Filter | null {
  for (const { weight: _weight, filters: _filters, ...backend } of rule.backendRefs ?? []) {
    const pair = pairOf(backend, scope);
    if (!pair) continue;
    // Without a share a mirror gets everything, which each release understands.
    const share =
      percentage === 100
        ? {}
        : Number.isInteger(percentage)
          ? { percent: percentage }
          : { fraction: { numerator: Math.round(percentage * 100), denominator: 10_000 } };
    return { type: 'RequestMirror', requestMirror: { backendRef: { ...backend, name: pair.canary }, ...share } };
  }
  return null;
}

/** Paths that a rule matches whatever the method. */
const methodlessPaths = (rule: Rule): string[] =>
  matchesOf(rule)
    .filter(({ method }) => method === undefined)
    .map(pathOf);

/**
 * Which rules may be split by method. A condition with a method goes before one of the same path without, however many
 * headers that one asks for: so all rules of a path are split, or none.
 */
function splittable(
  rules: readonly Rule[],
  candidates: ReadonlySet<number>,
  foreignPaths: readonly string[],
): Set<number> {
  const chosen = new Set(candidates);
  for (;;) {
    const others = new Set([
      ...foreignPaths,
      ...rules.flatMap((rule, index) => (chosen.has(index) ? [] : methodlessPaths(rule))),
    ]);
    const dropped = [...chosen].filter((index) => {
      const rule = rules[index];
      return rule !== undefined && methodlessPaths(rule).some((path) => others.has(path));
    });
    if (dropped.length === 0) return chosen;
    for (const index of dropped) chosen.delete(index);
  }
}

function conditionsOf(rule: Rule, { methods }: Mirror, { kind }: RuleScope): Pick<Rule, 'matches'> | null {
  if (methods === 'All') return rule.matches ? { matches: rule.matches } : {};
  // gRPC says nothing about what a method changes.
  const matches = kind === 'HTTPRoute' ? safeMatches(rule) : [];
  return matches.length > 0 && matches.length <= MAX_MATCHES ? { matches } : null;
}

/**
 * The rules that mirror requests to the canary, by the index of the rule that each stands before: the same conditions
 * and backends, so that it answers as that one would. A rule that cannot have one within the limits of a route, or
 * without changing which rule a request meets, has none.
 */
export function mirrorRules(
  rules: readonly Rule[],
  mirror: Mirror,
  { scope, ability }: { scope: RuleScope; ability: MirrorAbility },
): Map<number, Rule> {
  if (mirror.percentage !== 100 && !ability.hasPercent) return new Map();
  const possible = new Map<number, Rule>();
  for (const [index, rule] of rules.entries()) {
    if (!ruleSendsTo(rule, scope)) continue;
    const conditions = conditionsOf(rule, mirror, scope);
    const filter = mirrorFilter(rule, mirror, scope);
    const filters = [...(rule.filters ?? []), ...(filter ? [filter] : [])];
    if (!conditions || !filter || filters.length > MAX_FILTERS) continue;
    // A name is unique within a route.
    const { name: _name, matches: _matches, ...rest } = rule;
    possible.set(index, { ...rest, ...conditions, filters });
  }
  const candidates = new Set(possible.keys());
  const chosen = mirror.methods === 'All' ? candidates : splittable(rules, candidates, ability.foreignPaths);
  const isPossible = fits({ rules, possible, chosen }, scope);
  return new Map([...possible].filter(([index]) => chosen.has(index) && isPossible));
}

/** All or none of the chosen: a part of them could change which rule a request meets. */
function fits(
  {
    rules,
    possible,
    chosen,
  }: { rules: readonly Rule[]; possible: ReadonlyMap<number, Rule>; chosen: ReadonlySet<number> },
  scope: RuleScope,
): boolean {
  const added = [...possible].filter(([index]) => chosen.has(index)).map(([, rule]) => rule);
  return fitsIn([...rules, ...added].flatMap((rule) => [...testersRules(rule, scope), rule]));
}
