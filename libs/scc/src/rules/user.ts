import type { RunAsUserRule } from '../model/compile.js';
import type { IdRange } from '../model/scc.js';
import { type ContainerScope, type PodScope, containerViolation, preallocated, writeContainer } from './scope.js';

/** The ids that a MustRunAsRange SCC accepts in the pod's namespace. */
const uidRange = (rule: RunAsUserRule & { type: 'MustRunAsRange' }, { namespace }: PodScope): IdRange =>
  rule.range ?? preallocated(namespace.uidRange);

function defaultUid(scope: ContainerScope): number | undefined {
  const rule = scope.pod.scc.runAsUser;
  switch (rule.type) {
    case 'MustRunAs':
      return rule.uid;
    case 'MustRunAsRange':
      return uidRange(rule, scope.pod).min;
    case 'MustRunAsNonRoot':
    case 'RunAsAny':
      return undefined;
  }
}

function validateNonRoot(scope: ContainerScope, uid: number | undefined, nonRoot: boolean | undefined): void {
  const shared = { rule: 'runAsUser', bound: 'any user but root' } as const;
  if (nonRoot === false)
    containerViolation(scope, {
      ...shared,
      child: 'runAsNonRoot',
      value: false,
      remedy: 'remove runAsNonRoot or set it to true',
      detail: 'must be true',
    });
  else if (uid === 0)
    containerViolation(scope, {
      ...shared,
      child: 'runAsUser',
      value: 0,
      remedy: 'set a runAsUser above 0',
      detail: 'running with the root UID is forbidden',
    });
}

function validateUid(scope: ContainerScope, uid: number | undefined, nonRoot: boolean | undefined): void {
  const rule = scope.pod.scc.runAsUser;
  switch (rule.type) {
    case 'RunAsAny':
      return;
    case 'MustRunAsNonRoot':
      validateNonRoot(scope, uid, nonRoot);
      return;
    case 'MustRunAs':
      if (uid === rule.uid) return;
      containerViolation(scope, {
        rule: 'runAsUser',
        child: 'runAsUser',
        value: uid,
        bound: String(rule.uid),
        remedy: `set runAsUser to ${rule.uid} or remove it`,
        detail: `must be: ${rule.uid}`,
      });
      return;
    case 'MustRunAsRange': {
      const { min, max } = uidRange(rule, scope.pod);
      if (uid !== undefined && uid >= min && uid <= max) return;
      containerViolation(scope, {
        rule: 'runAsUser',
        child: 'runAsUser',
        value: uid,
        bound: `${min}-${max}`,
        remedy: `remove runAsUser or set it between ${min} and ${max}`,
        detail: `must be in the ranges: [${min}, ${max}]`,
      });
    }
  }
}

/** Defaults and validates runAsUser and runAsNonRoot of one container. */
export function applyUser(scope: ContainerScope): void {
  const { context: pod, scc } = scope.pod;
  let uid = scope.context.runAsUser ?? pod.runAsUser ?? undefined;
  if (uid === undefined) {
    uid = defaultUid(scope);
    if (uid !== undefined) writeContainer(scope, 'runAsUser', uid);
  }
  let nonRoot = scope.context.runAsNonRoot ?? pod.runAsNonRoot ?? undefined;
  if (nonRoot === undefined && (uid === undefined ? scc.runAsUser.type === 'MustRunAsNonRoot' : uid > 0)) {
    nonRoot = true;
    writeContainer(scope, 'runAsNonRoot', true);
  }
  validateUid(scope, uid, nonRoot);
}
