import type { KubeClient } from '@scc/kube';
import type { CheckFault } from '@scc/runtime';
import { servedVersions } from './api.js';
import { CHART_RIGHTS } from './chart-rights.js';
import { faultsOf, type Look } from './look.js';

/** One kind of resource that an account of the chart may use. */
interface ChartRight {
  readonly account: string;
  readonly role: string;
  /** Null: in the whole cluster. */
  readonly namespace: string | null;
  readonly group: string;
  readonly resource: string;
  readonly name: string | null;
  readonly verbs: readonly string[];
}

/** The namespace in which the chart's rights were rendered. */
const RENDERED = 'scc-system';
/** A line of the chart's rights; `*` stands for all, `core` for the group without a name. */
function rightOf(line: string): ChartRight {
  const [account = '', role = '', namespace = '*', group = '', resource = '', name = '*', verbs = ''] = line.split(' ');
  return {
    ...{ account, role, resource },
    namespace: namespace === '*' ? null : namespace,
    group: group === 'core' ? '' : group,
    name: name === '*' ? null : name,
    verbs: verbs.split(','),
  };
}

/** Roles of which an installation may bind the worker, and its dry runs, in chosen namespaces only. */
const CONFINABLE = new Set(['scc-orchestrator-worker', 'scc-orchestrator-dry-run']);
const AT_ONCE = 16;
const SHOWN = 4;

/** Of all ConfigMaps, which an installation may take away: campaigns then say that they did not read them. */
const isSpared = ({ role, resource, name, namespace }: ChartRight): boolean =>
  role === 'scc-orchestrator-worker-facts' && resource === 'configmaps' && name === null && namespace === null;

interface Question {
  right: ChartRight;
  verb: string;
}

const named = ({ right: { group, resource, name }, verb }: Question): string =>
  `${verb} ${resource}${group === '' ? '' : `.${group}`}${name === null ? '' : ` ${name}`}`;

async function isAllowed(
  kube: KubeClient,
  release: string,
  { right, verb }: Question,
  inNamespace: string | null,
): Promise<boolean> {
  const { account, group, resource: path, name } = right;
  const [resource = '', subresource] = path.split('/');
  return kube.subjectAccessReview({
    user: `system:serviceaccount:${release}:${account}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${release}`, 'system:authenticated'],
    resourceAttributes: {
      ...{ verb, group, resource },
      ...(subresource === undefined ? {} : { subresource }),
      ...(name === null ? {} : { name }),
      ...(inNamespace === null ? {} : { namespace: inNamespace }),
    },
  });
}

/** The namespaces in which a role of the chart is bound, where that is not the whole cluster. */
async function confinedTo(kube: KubeClient, role: string): Promise<string[]> {
  const kind = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' };
  const { items } = await kube.list(kind, { fieldSelector: `metadata.name=${role}` });
  return items.flatMap(({ metadata }) => metadata.namespace ?? []);
}

/** Everything of `questions` that is refused, in their order; a few are asked at once. */
async function refused(
  questions: readonly Question[],
  ask: (question: Question) => Promise<boolean>,
): Promise<Question[]> {
  const waiting = [...questions];
  const denied = new Set<Question>();
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      if (!(await ask(next))) denied.add(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return questions.filter((question) => denied.has(question));
}

/** What each account may do, by the API server's own word, against what the chart gives it. */
export const lookAtRights: Look = async ({ kube, namespace: release }) => {
  const isOpenShift = (await servedVersions(kube)).has('config.openshift.io/v1');
  const placeOf = ({ right }: Question): string | null => (right.namespace === RENDERED ? release : right.namespace);
  const platform = isOpenShift ? 'openshift' : 'kubernetes';
  const questions = [...CHART_RIGHTS.both, ...CHART_RIGHTS[platform]]
    .map(rightOf)
    .filter((right) => !isSpared(right))
    .flatMap((right) => right.verbs.map((verb): Question => ({ right, verb })));
  const denied = await refused(questions, (question) => isAllowed(kube, release, question, placeOf(question)));
  const confined = new Map<string, string[]>();
  for (const role of CONFINABLE)
    if (denied.some(({ right }) => right.role === role)) confined.set(role, await confinedTo(kube, role));
  const left = await refused(denied, async (question) => {
    const places = confined.get(question.right.role) ?? [];
    for (const place of places) if (!(await isAllowed(kube, release, question, place))) return false;
    return places.length > 0;
  });
  return faultsIn(left, questions, release);
};

/** An installation may let the worker grant fewer SCCs, but not none. */
function faultsIn(denied: readonly Question[], all: readonly Question[], release: string): CheckFault[] {
  const isBind = ({ verb }: Question): boolean => verb === 'bind';
  const bindsNothing = denied.filter(isBind).length === all.filter(isBind).length;
  const counted = denied.filter((question) => bindsNothing || !isBind(question));
  const accounts = [...new Set(counted.map(({ right }) => right.account))];
  return accounts.map((account) => {
    // Two roles may give the same right.
    const lacks = [...new Set(counted.filter(({ right }) => right.account === account).map(named))];
    const more = lacks.length > SHOWN ? `, and ${lacks.length - SHOWN} more` : '';
    const roles = [...new Set(counted.filter(({ right }) => right.account === account).map(({ right }) => right.role))];
    return faultsOf('rights')(
      `the ServiceAccount ${release}/${account} may not ${lacks.slice(0, SHOWN).join(', ')}${more}`,
      `Install the chart again: helm upgrade; its roles are ${roles.join(', ')}.`,
    );
  });
}
