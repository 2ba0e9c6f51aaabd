import type { z } from 'zod';
import { durationMs } from './duration.js';
import { isTerminal, type Phase } from './phases.js';
import { isRecord } from './records.js';
import { refusedIn } from './refused-kinds.js';
import { planSpecSchema, type PlanSpec, type Violation } from './schema.js';
import { cookieEnds } from './cookies.js';
import { bakeNeedsPods, trialsAreOfCanaries } from './trials.js';
import { type ChosenStrategy, fitsKind, isDivided, strategyOf } from './strategies.js';

const FORMAT_REMEDY = 'Correct the value; `kubectl explain sccmp.spec` describes every field.';

/** `traffic.weights[2]` from a path, below `spec`. */
const fieldOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`), 'spec');

const ofIssue = (issue: z.core.$ZodIssue): Violation => ({
  code: 'InvalidValue',
  field: fieldOf(issue.path),
  message: issue.message,
  remedy: FORMAT_REMEDY,
});

/** Paths of what was given and is in no schema: the parser leaves it away, and a misspelt field would do nothing. */
export function unknownPaths(given: unknown, parsed: unknown, path: PropertyKey[] = []): PropertyKey[][] {
  if (Array.isArray(given) && Array.isArray(parsed))
    return given.flatMap((item, index) => unknownPaths(item, parsed[index], [...path, index]));
  if (!isRecord(given) || !isRecord(parsed)) return [];
  return Object.entries(given).flatMap(([key, value]) =>
    Object.hasOwn(parsed, key) ? unknownPaths(value, parsed[key], [...path, key]) : [[...path, key]],
  );
}

const unknownField = (path: PropertyKey[]): Violation => ({
  code: 'UnknownField',
  field: fieldOf(path),
  message: `a plan has no field ${fieldOf(path)}`,
  remedy: 'Correct its name or leave it out; `kubectl explain sccmp.spec` describes every field.',
});

/** A rule beyond a field's format: yields every violation that it finds. */
type Rule = (spec: PlanSpec) => Violation[];

const strategyFits: Rule = ({ strategy, workloadRef: { kind } }) => {
  const asked = strategy?.type;
  const { type, reason } = strategyOf(kind);
  if (asked === undefined || fitsKind(kind, asked)) return [];
  return [
    {
      code: 'StrategyDoesNotFit',
      field: 'spec.strategy.type',
      message: `a ${kind} is not moved by the strategy ${asked}: ${reason}`,
      remedy: `Leave spec.strategy out, or set ${type}.`,
    },
  ];
};

const trialsAreOfCronJobs: Rule = ({ strategy = {}, workloadRef: { kind } }) =>
  strategyOf(kind).type === 'NextRun' || strategy.trialRun === undefined
    ? []
    : [
        {
          code: 'StrategyDoesNotFit',
          field: 'spec.strategy.trialRun',
          message: `a ${kind} has no runs, so that trialRun would do nothing`,
          remedy: 'Leave spec.strategy.trialRun out.',
        },
      ];

const weightsRise: Rule = ({ traffic: { weights } }) => {
  const falls = weights.findIndex((weight, index) => index > 0 && weight <= (weights[index - 1] ?? 0));
  if (falls < 0) return [];
  return [
    {
      code: 'WeightsDoNotRise',
      field: `spec.traffic.weights[${falls}]`,
      message: `${weights[falls] ?? 0} does not exceed ${weights[falls - 1] ?? 0}, the weight before it`,
      remedy: 'List the weights in rising order, such as [10, 25, 50, 75, 100].',
    },
  ];
};

const weightsEndInAll: Rule = ({ traffic: { weights } }) =>
  weights.at(-1) === 100
    ? []
    : [
        {
          code: 'WeightsEndEarly',
          field: `spec.traffic.weights[${weights.length - 1}]`,
          message: `the last weight is ${weights.at(-1) ?? 'missing'}, so the canary never carries all requests`,
          remedy: 'End the list with 100: the workload itself is rolled out behind a canary that serves everything.',
        },
      ];

/** Of the patch as JSON. */
const MAX_PATCH_CHARACTERS = 64 * 1024;
const MAX_PATCHED_CONTAINERS = 100;

function containersOf({ podSecurity: { patch } }: PlanSpec): number {
  const spec = patch['spec'];
  if (!isRecord(spec)) return 0;
  const lists = [spec['containers'], spec['initContainers'], spec['ephemeralContainers']];
  return lists.reduce<number>((count, list) => count + (Array.isArray(list) ? list.length : 0), 0);
}

/** Finding the smallest patch takes work for every container and every character. */
const patchIsSmall: Rule = (spec) => {
  const { length } = JSON.stringify(spec.podSecurity.patch);
  const containers = containersOf(spec);
  const said = [
    ...(length > MAX_PATCH_CHARACTERS
      ? [`the patch has ${length} characters as JSON; at most ${MAX_PATCH_CHARACTERS} are read`]
      : []),
    ...(containers > MAX_PATCHED_CONTAINERS
      ? [`the patch names ${containers} containers; at most ${MAX_PATCHED_CONTAINERS} are read`]
      : []),
  ];
  return said.map((message) => ({
    code: 'PatchTooLarge',
    field: 'spec.podSecurity.patch',
    message,
    remedy: 'Patch only what the target SCC needs, and change the rest in the workload itself.',
  }));
};

/** The fields by which a gate says where its number comes from. */
const sourcesOf = (gate: PlanSpec['gates']['metrics'][number]): string[] =>
  (['preset', 'query', 'web'] as const).filter((field) => gate[field] !== undefined);

const metricsHaveOneSource: Rule = ({ gates }) =>
  gates.metrics.flatMap((gate, index) =>
    sourcesOf(gate).length !== 1
      ? [
          {
            code: 'MetricSource',
            field: `spec.gates.metrics[${index}]`,
            message: `gate ${gate.name} sets ${sourcesOf(gate).join(' and ') || 'none of preset, query and web'}`,
            remedy: 'Set exactly one of preset, query and web.',
          },
        ]
      : [],
  );

const metricsHaveBounds: Rule = ({ gates }) =>
  gates.metrics.flatMap(({ name, min, max }, index) => {
    const field = `spec.gates.metrics[${index}]`;
    if (min === undefined && max === undefined)
      return [
        {
          code: 'MetricWithoutBound',
          field,
          message: `gate ${name} has neither min nor max, so it can never fail`,
          remedy: 'Set min, max or both.',
        },
      ];
    if (min !== undefined && max !== undefined && min > max)
      return [
        {
          code: 'MetricBounds',
          field,
          message: `gate ${name} has min ${min} above max ${max}`,
          remedy: 'Swap the two bounds.',
        },
      ];
    return [];
  });

/** Where a query of a gate has the Services of the side that is judged. */
export const SERVICES_IN_QUERY = '$services';

/** Gates that compare with a second side, where the workload is moved without one. */
export const comparisonViolations = (
  { gates, workloadRef: { kind } }: Pick<PlanSpec, 'gates' | 'workloadRef'>,
  { type, reason }: ChosenStrategy,
): Violation[] =>
  isDivided(type)
    ? []
    : gates.metrics.flatMap(({ name, relativeTo }, index) =>
        relativeTo === undefined
          ? []
          : [
              {
                code: 'GateCannotCompare',
                field: `spec.gates.metrics[${index}].relativeTo`,
                message: `gate ${name} compares with ${relativeTo} pods, and a ${kind} that is moved by ${type} has no copy beside it: ${reason}`,
                remedy: 'Leave relativeTo out and set bounds of the numbers themselves.',
              },
            ],
      );

/** A gate that compares needs a second side, and a question that both sides answer. */
const metricsCompareSides: Rule = (spec) => {
  const { gates, strategy, workloadRef } = spec;
  const chosen = strategyOf(workloadRef.kind);
  const withoutSides = comparisonViolations(spec, strategy?.type ? { ...chosen, type: strategy.type } : chosen);
  if (withoutSides.length > 0) return withoutSides;
  return gates.metrics.flatMap(({ name, relativeTo, query, web }, index) => {
    if (relativeTo === undefined) return [];
    const field = `spec.gates.metrics[${index}].relativeTo`;
    if (web ?? query?.includes(SERVICES_IN_QUERY) === false)
      return [
        {
          code: 'GateCannotCompare',
          field,
          message: `gate ${name} compares two sides, and its ${web ? 'server' : 'query'} says the same of both`,
          remedy: `Let the query name the Services of the side by ${SERVICES_IN_QUERY}, such as service=~"${SERVICES_IN_QUERY}".`,
        },
      ];
    return [];
  });
};

const gateNamesAreUnique: Rule = ({ gates }) => {
  const names = [...gates.metrics, ...gates.webhooks, ...(gates.jobs ?? [])].map(({ name }) => name);
  const repeated = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  return repeated.map((name) => ({
    code: 'GateNameRepeated',
    field: 'spec.gates',
    message: `two gates are called ${name}`,
    remedy: 'Give every gate a name of its own; events and metrics refer to it.',
  }));
};

const LONGEST_BAKE = '168h';

const bakeEnds: Rule = ({ bake }) =>
  bake === undefined || durationMs(bake) <= durationMs(LONGEST_BAKE)
    ? []
    : [
        {
          code: 'BakeTooLong',
          field: 'spec.bake',
          message: `a bake of ${bake} would keep the canary and both grants for longer than ${LONGEST_BAKE}`,
          remedy: `Set ${LONGEST_BAKE} or less; a completed migration is taken back by a plan in the other direction.`,
        },
      ];

const scheduleIsReadable: Rule = ({ schedule }) => {
  const violations: Violation[] = [];
  if (schedule.notBefore !== undefined && !isTime(schedule.notBefore))
    violations.push({
      code: 'NotATime',
      field: 'spec.schedule.notBefore',
      message: `${schedule.notBefore} is not an RFC 3339 time`,
      remedy: 'Write a time with its offset, such as 2026-11-24T22:00:00Z.',
    });
  for (const [index, { timeZone, from, to }] of schedule.windows.entries()) {
    if (!isTimeZone(timeZone))
      violations.push({
        code: 'UnknownTimeZone',
        field: `spec.schedule.windows[${index}].timeZone`,
        message: `${timeZone} is no IANA time zone`,
        remedy: 'Use a name such as UTC or Europe/Vienna.',
      });
    if (from === to)
      violations.push({
        code: 'EmptyWindow',
        field: `spec.schedule.windows[${index}]`,
        message: `the window begins and ends at ${from}`,
        remedy: 'Let it end later than it begins; a window may pass midnight.',
      });
  }
  return violations;
};

const isTime = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/.test(text) && !Number.isNaN(Date.parse(text));

/** An offset such as +01:00 knows no daylight saving, and is no zone. */
const isTimeZone = (name: string): boolean => {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};

const rules: readonly Rule[] = [
  strategyFits,
  trialsAreOfCronJobs,
  bakeNeedsPods,
  trialsAreOfCanaries,
  weightsRise,
  weightsEndInAll,
  patchIsSmall,
  metricsHaveOneSource,
  metricsHaveBounds,
  metricsCompareSides,
  gateNamesAreUnique,
  bakeEnds,
  cookieEnds,
  scheduleIsReadable,
];

export type ParsedSpec = { ok: true; spec: PlanSpec } | { ok: false; violations: Violation[] };

/** Parses and checks the `spec` of a plan; every violation is reported at once, with its field below `spec`. */
export function parseSpec(input: unknown): ParsedSpec {
  const refused = refusedIn(input);
  if (refused) return { ok: false, violations: [refused] };
  const parsed = planSpecSchema.safeParse(input);
  if (!parsed.success) return { ok: false, violations: parsed.error.issues.map(ofIssue) };
  const unknown = unknownPaths(input, parsed.data).map(unknownField);
  const violations = [...unknown, ...rules.flatMap((rule) => rule(parsed.data))];
  return violations.length ? { ok: false, violations } : { ok: true, spec: parsed.data };
}

/** The fields that take effect while a migration runs; every other edit is refused. */
const LIVE_FIELDS = [['suspend'], ['gates'], ['traffic', 'interval']] as const;
/** Within these: Jobs run in the name of those whose rights were asked for before the migration began. */
const FIXED_FIELD = ['gates', 'jobs'];

const isWithin = (path: string[], field: readonly string[]) => field.every((key, index) => path[index] === key);

function changedFields(before: unknown, after: unknown, path: string[] = []): string[][] {
  if (isRecord(before) && isRecord(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      changedFields(before[key], after[key], [...path, key]),
    );
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [path];
}

/**
 * Refuses edits of a plan that the engine has begun to act on: all but `suspend`, `gates` without its Jobs, and
 * `traffic.interval`.
 * Both specs are parsed, so that a default written out is no edit; or, where the earlier one cannot be, neither is.
 */
export function editViolations(before: unknown, after: unknown, phase: Phase | undefined): Violation[] {
  if (phase === undefined || phase === 'Pending') return [];
  const changed = changedFields(before, after).filter(
    (path) => isWithin(path, FIXED_FIELD) || !LIVE_FIELDS.some((live) => isWithin(path, live)),
  );
  return changed.map((path) => ({
    code: 'FieldIsFixed',
    field: fieldOf(path),
    message: `the plan is in phase ${phase}; ${path.at(-1) ?? 'spec'} cannot be changed any more`,
    remedy: isTerminal(phase)
      ? 'Apply a new plan under another name.'
      : 'Only suspend, gates (but for gates.jobs) and traffic.interval may be edited now. Delete this plan (its work is undone) and apply a new one.',
  }));
}
