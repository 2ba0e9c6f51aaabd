import type { SecurityContextConstraints } from '../model/scc.js';
import { matchesSysctl } from '../rules/sysctls.js';
import { defaultSCC } from '../model/write-defaults.js';

/** One reason why an SCC must not be stored. */
export interface SCCIssue {
  readonly field: string;
  readonly value: unknown;
  readonly message: string;
}

type Check = (scc: SecurityContextConstraints) => SCCIssue[];
type Maybe<T> = T | null | undefined;

const issue = (field: string, value: unknown, message: string): SCCIssue => ({ field, value, message });
const when = (broken: boolean, found: SCCIssue): SCCIssue[] => (broken ? [found] : []);

const STRATEGIES = {
  runAsUser: ['MustRunAs', 'MustRunAsRange', 'MustRunAsNonRoot', 'RunAsAny'],
  seLinuxContext: ['MustRunAs', 'RunAsAny'],
  fsGroup: ['MustRunAs', 'RunAsAny'],
  supplementalGroups: ['MustRunAs', 'RunAsAny'],
} as const;
/** Nil group strategies are defaulted when the SCC is stored; the other two are not. */
const DEFAULTED = new Set(['fsGroup', 'supplementalGroups']);

const strategyTypesAreKnown: Check = (scc) =>
  (['runAsUser', 'seLinuxContext', 'fsGroup', 'supplementalGroups'] as const).flatMap((field) => {
    const type = scc[field]?.type ?? '';
    const known: readonly string[] = STRATEGIES[field];
    const unset = type === '' && DEFAULTED.has(field);
    return when(!unset && !known.includes(type), issue(`${field}.type`, type, `must be one of ${known.join(', ')}`));
  });

const negative = (field: string, value: Maybe<number>): SCCIssue[] =>
  when(value != null && value < 0, issue(field, value, 'must not be negative'));

const inverted = (field: string, min: Maybe<number>, max: Maybe<number>): SCCIssue[] =>
  when(min != null && max != null && min > max, issue(field, min, `must not exceed ${max ?? ''}`));

/** An end that is not set is 0. */
const rangesAreValid =
  (field: 'fsGroup' | 'supplementalGroups'): Check =>
  (scc) =>
    (scc[field]?.ranges ?? []).flatMap(({ min, max }, index) => [
      ...negative(`${field}.ranges[${index}].min`, min),
      ...negative(`${field}.ranges[${index}].max`, max),
      ...inverted(`${field}.ranges[${index}].min`, min ?? 0, max ?? 0),
    ]);

const userIdsAreValid: Check = ({ runAsUser }) => {
  const { type, uid, uidRangeMin: min, uidRangeMax: max } = runAsUser ?? {};
  return [
    ...negative('runAsUser.uid', uid),
    ...negative('runAsUser.uidRangeMin', min),
    ...negative('runAsUser.uidRangeMax', max),
    ...inverted('runAsUser.uidRangeMin', min, max),
    ...when(type === 'MustRunAs' && uid == null, issue('runAsUser.uid', uid, 'MustRunAs needs a uid')),
    ...when(
      type === 'MustRunAsRange' && (min == null) !== (max == null),
      issue('runAsUser.uidRangeMax', max, 'set both ends of the range, or neither to use the namespace'),
    ),
  ];
};

const priorityIsNotNegative: Check = ({ priority }) => negative('priority', priority);

const capabilitiesDoNotContradict: Check = (scc) => {
  const dropped = scc.requiredDropCapabilities ?? [];
  const contradicting = (field: 'defaultAddCapabilities' | 'allowedCapabilities') =>
    (scc[field] ?? [])
      .filter((name) => dropped.includes(name))
      .map((name) => issue(field, name, 'is also in requiredDropCapabilities'));
  return [
    ...contradicting('defaultAddCapabilities'),
    ...contradicting('allowedCapabilities'),
    ...when(
      (scc.allowedCapabilities ?? []).includes('*') && dropped.length > 0,
      issue('requiredDropCapabilities', dropped, 'must be empty when every capability is allowed'),
    ),
  ];
};

const escalationDoesNotContradict: Check = (scc) =>
  when(
    scc.defaultAllowPrivilegeEscalation === true && scc.allowPrivilegeEscalation === false,
    issue('defaultAllowPrivilegeEscalation', true, 'must not be true while allowPrivilegeEscalation is false'),
  );

/** Judged as they will be stored: allowHostDirVolumePlugin adds a type. */
const volumesDoNotContradict: Check = (scc) => {
  const { allowedFlexVolumes } = scc;
  const listed = defaultSCC(scc).volumes ?? [];
  return [
    ...when(listed.includes('none') && listed.length > 1, issue('volumes', 'none', 'cannot be combined with others')),
    ...when(
      (allowedFlexVolumes ?? []).length > 0 && !listed.includes('flexVolume') && !listed.includes('*'),
      issue('allowedFlexVolumes', allowedFlexVolumes, 'needs flexVolume or * in volumes'),
    ),
    ...(allowedFlexVolumes ?? []).flatMap(({ driver }, index) =>
      when(driver === '', issue(`allowedFlexVolumes[${index}].driver`, driver, 'must not be empty')),
    ),
  ];
};

/** Dotted segments that begin and end with a letter or a digit; the last one may be `*` or end in it. */
const SYSCTL_PATTERN = /^(?:[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?\.)*(?:[a-z0-9][-_a-z0-9]*)?[a-z0-9*]$/;
const SYSCTL_MAX_LENGTH = 253;
const isSysctlPattern = (pattern: string): boolean =>
  pattern.length <= SYSCTL_MAX_LENGTH && SYSCTL_PATTERN.test(pattern);
const overlaps = (a: string, b: string): boolean =>
  matchesSysctl(a, b.replace(/\*$/, '')) || matchesSysctl(b, a.replace(/\*$/, ''));

const sysctlPatternsAreValid: Check = (scc) => {
  const allowed = scc.allowedUnsafeSysctls ?? [];
  const forbidden = scc.forbiddenSysctls ?? [];
  const malformed = (field: string, patterns: readonly string[]) => [
    ...patterns.flatMap((pattern, index) =>
      when(!isSysctlPattern(pattern), issue(`${field}[${index}]`, pattern, 'is not a sysctl name or prefix pattern')),
    ),
    ...when(patterns.includes('*') && patterns.length > 1, issue(field, '*', 'cannot be combined with others')),
  ];
  return [
    ...malformed('allowedUnsafeSysctls', allowed),
    ...malformed('forbiddenSysctls', forbidden),
    ...allowed
      .filter((pattern) => forbidden.some((other) => overlaps(pattern, other)))
      .map((pattern) => issue('allowedUnsafeSysctls', pattern, 'overlaps with forbiddenSysctls')),
  ];
};

const userNamespaceLevelIsKnown: Check = ({ userNamespaceLevel: level }) =>
  when(
    level != null && level !== 'AllowHostLevel' && level !== 'RequirePodLevel',
    issue('userNamespaceLevel', level, 'must be AllowHostLevel or RequirePodLevel'),
  );

const CHECKS: readonly Check[] = [
  strategyTypesAreKnown,
  priorityIsNotNegative,
  userIdsAreValid,
  rangesAreValid('fsGroup'),
  rangesAreValid('supplementalGroups'),
  capabilitiesDoNotContradict,
  escalationDoesNotContradict,
  volumesDoNotContradict,
  sysctlPatternsAreValid,
  userNamespaceLevelIsKnown,
];

/**
 * Every reason to refuse storing an SCC, as OpenShift's own validation would; and an open-ended uid strategy, which
 * OpenShift stores although it then rejects every pod.
 */
export const validateSCC = (scc: SecurityContextConstraints): SCCIssue[] => CHECKS.flatMap((check) => check(scc));
