import { parseSpec, PLAN_API_VERSION, PLAN_KIND, type PlanSpec, type Violation } from '@scc/plan';
import { applyTemplatePatch, type CompiledSCCs, remediate, type Remediation } from '@scc/scc';
import { CliError, EXIT } from '../exit.js';
import { type Manifest, readManifests, workloadOf, type WorkloadManifest } from '../manifests.js';
import { count, table } from '../output.js';
import { remediationText } from '../recommend.js';
import { factsOf, namespaceFrom, sccsFrom } from '../scc-facts.js';
import type { Session } from '../session.js';

export interface LintOptions {
  workload?: string;
  sccs?: string;
}

interface Linted {
  plan: string;
  violations: Violation[];
  warnings: string[];
  remediation: Remediation | null;
}

interface Around {
  manifests: readonly Manifest[];
  sccs: CompiledSCCs;
  /** Whether the SCCs are those of the cluster or only assumed. */
  isCertain: boolean;
}

/** Checks plans without a cluster. @returns the exit code: 0, or 4 when a plan has violations. */
export async function lint(session: Session, files: readonly string[], options: LintOptions): Promise<number> {
  const manifests = (await Promise.all(files.map(readManifests))).flat();
  const plans = manifests.filter(({ kind }) => kind === PLAN_KIND);
  if (plans.length === 0)
    throw new CliError(`${files.join(', ')}: no ${PLAN_KIND} found`, `A plan has kind: ${PLAN_KIND}.`, EXIT.invalid);
  const workloads = options.workload === undefined ? [] : await readManifests(options.workload);
  const { sccs, assumed } = await sccsFrom(options.sccs);
  const around = { manifests: [...manifests, ...workloads], sccs, isCertain: assumed.length === 0 };
  const results = plans.map((plan) => lintPlan(plan, around));
  session.output.show(
    results.map(({ remediation, ...rest }) => ({
      ...rest,
      patch: remediation?.patch ?? null,
      risks: remediation?.risks ?? [],
    })),
    () => results.map(textOf).join('\n\n'),
  );
  return results.some(({ violations }) => violations.length > 0) ? EXIT.invalid : EXIT.ok;
}

function lintPlan(plan: Manifest, around: Around): Linted {
  const namespace = plan.metadata.namespace ?? 'default';
  const name = `${namespace}/${plan.metadata.name}`;
  const violations: Violation[] = [];
  if (plan.apiVersion !== PLAN_API_VERSION)
    violations.push({
      code: 'ApiVersion',
      field: 'apiVersion',
      message: `${plan.apiVersion} is not the version of plans`,
      remedy: `Write apiVersion: ${PLAN_API_VERSION}.`,
    });
  const parsed = parseSpec(plan['spec']);
  if (!parsed.ok)
    return { plan: name, violations: [...violations, ...parsed.violations], warnings: [], remediation: null };
  const judged = judgeTarget(parsed.spec, namespace, around);
  return { plan: name, ...judged, violations: [...violations, ...judged.violations] };
}

function judgeTarget(spec: PlanSpec, namespace: string, around: Around): Omit<Linted, 'plan'> {
  const { sccs, isCertain, manifests } = around;
  const target = sccs.byName.get(spec.targetSCC);
  if (!target) return unknownTarget(spec.targetSCC, [...sccs.byName.keys()], isCertain);
  const workload = findWorkload(spec, namespace, manifests);
  if (!workload) {
    const { kind, name } = spec.workloadRef;
    const warnings = [
      `${kind} ${name} is not in the files, so the change of its template is not checked (--workload FILE)`,
    ];
    return { violations: [], warnings, remediation: null };
  }
  const { namespace: found, assumed } = namespaceFrom(namespace, manifests);
  const facts = factsOf(workload, { sccs, namespace: found, assumed });
  const template = applyTemplatePatch(workload.template, spec.podSecurity.patch);
  const remediation = remediate(template, target, facts);
  return {
    violations: violationsOf(spec, remediation),
    warnings: assumed.map((one) => `assumed: ${one}`),
    remediation,
  };
}

function unknownTarget(name: string, known: readonly string[], isCertain: boolean): Omit<Linted, 'plan'> {
  const message = `there is no SCC ${name}`;
  const remedy = `Name one of ${known.toSorted().join(', ')}.`;
  return isCertain
    ? {
        violations: [{ code: 'SCCNotFound', field: 'spec.targetSCC', message, remedy }],
        warnings: [],
        remediation: null,
      }
    : {
        violations: [],
        warnings: [`spec.targetSCC: ${name} is none of the default SCCs; its rules are not checked (--sccs FILE)`],
        remediation: null,
      };
}

const findWorkload = (spec: PlanSpec, namespace: string, manifests: readonly Manifest[]): WorkloadManifest | null => {
  const { kind, name } = spec.workloadRef;
  const manifest = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  return manifest ? workloadOf(manifest, namespace) : null;
};

function violationsOf(spec: PlanSpec, { admitted, blockers, patch, edits, target }: Remediation): Violation[] {
  if (!admitted)
    return blockers.map(({ rule, field, message, remedy }) => ({
      code: `Blocked.${rule}`,
      field: `template.${field}`,
      message,
      remedy,
    }));
  if (spec.podSecurity.mode === 'Apply' || edits.length === 0) return [];
  return [
    {
      code: 'PatchRequired',
      field: 'spec.podSecurity.patch',
      message: `${target} admits the template only after ${count(edits.length, 'edit')}`,
      remedy: `Set podSecurity.mode to Apply, or podSecurity.patch to ${JSON.stringify(patch)}.`,
    },
  ];
}

function textOf({ plan, violations, warnings, remediation }: Linted): string {
  const lines = [`plan ${plan}: ${violations.length === 0 ? 'valid' : count(violations.length, 'violation')}`];
  if (violations.length > 0)
    lines.push(
      table(
        ['field', 'code', 'what', 'remedy'],
        violations.map(({ field, code, message, remedy }) => [field, code, message, remedy]),
      ),
    );
  for (const warning of warnings) lines.push(`  warning: ${warning}`);
  if (remediation?.admitted) lines.push(remediationText(remediation));
  return lines.join('\n');
}
