import { decide } from '../admission/decide.js';
import { serviceAccountSubject } from '../admission/request.js';
import { podOf, type WorkloadContext } from '../migration/facts.js';
import { imageFacts, type ImageFacts } from '../migration/images.js';
import { compareByPrivilege } from '../migration/lattice.js';
import { fittingSCCs } from '../migration/recommend.js';
import { remediate, type Remediation } from '../migration/remediate.js';
import type { Risk } from '../migration/risk.js';
import { controllerSubject } from '../migration/template.js';
import type { CompiledSCC } from '../model/compile.js';
import { isExemptNamespace } from '../model/namespace.js';
import { accountOf } from '../model/pod.js';
import { podSecurityLevel } from '../security/scc-level.js';
import type { Category } from './categories.js';
import { imageEvidence, runningUser } from './evidence.js';
import type { Inventory } from './inventory.js';
import { obstaclesOf, strategyFor } from './obstacles.js';
import type { Owner } from './owners.js';
import type { NextRestart, ScanRow } from './report.js';
import type { Workload } from './workloads.js';

/** What images say of themselves; the user that was seen to run counts before the one that a registry names. */
function factsOfImages({ asRun, seenUsers }: Workload, { images }: Inventory): ImageFacts {
  const { imageUsers, imagePorts } = imageFacts(asRun, images);
  const seen = Object.fromEntries(seenUsers.map(({ container, uid }) => [container, String(uid)]));
  return { imageUsers: { ...imageUsers, ...seen }, imagePorts };
}

const contextOf = (workload: Workload, inventory: Inventory): WorkloadContext => ({
  kind: workload.podsMadeAs,
  name: workload.name,
  namespace: inventory.namespace(workload.namespace),
  sccs: inventory.sccs,
  volumeClaimTemplates: workload.volumeClaimTemplates,
  runningPod: workload.runningPod,
  ...factsOfImages(workload, inventory),
});

/** Who asks for a pod that no controller makes is not known; it is asked for as a controller would. */
const requesterOf = ({ podsMadeAs }: Workload) => controllerSubject(podsMadeAs === 'Pod' ? 'ReplicaSet' : podsMadeAs);

/** What SCC admission would say to the workload's next pod. */
export function nextRestartOf(workload: Workload, inventory: Inventory): NextRestart {
  const namespace = inventory.namespace(workload.namespace);
  const subjects = {
    serviceAccount: serviceAccountSubject(namespace.name, accountOf(workload.template.spec)),
    requester: requesterOf(workload),
  };
  const decision = decide(
    {
      operation: 'CREATE',
      pod: podOf(workload.template, contextOf(workload, inventory)),
      namespace,
      subjects,
      mayUse: (type, scc) =>
        inventory.mayUse(type === 'user' ? subjects.requester : subjects.serviceAccount, scc, namespace.name),
    },
    inventory.sccs,
  );
  if (decision.decision === 'admitted') return { scc: decision.scc, refusal: null };
  if (decision.decision === 'ignored') return { scc: null, refusal: null };
  return { scc: null, refusal: decision.message };
}

/** The SCC that the workload counts as running under: the most privileged of those seen, else the expected one. */
function currentOf({ pods }: Workload, next: NextRestart, { sccs }: Inventory): CompiledSCC | undefined {
  const seen = [...pods.keys()].flatMap((name) => sccs.byName.get(name) ?? []);
  const [worst] = seen.sort((a, b) => compareByPrivilege(b, a));
  return worst ?? (next.scc === null ? undefined : sccs.byName.get(next.scc));
}

interface Reach {
  readonly target: CompiledSCC;
  readonly remediation: Remediation;
}

/** The aim if a patch reaches it, else the strictest SCC below `current` that one reaches. */
function reachOf(
  workload: Workload,
  facts: WorkloadContext,
  { aim, current }: { aim: CompiledSCC; current: CompiledSCC },
): { reached: Reach | undefined; aimed: Remediation } {
  const aimed = remediate(workload.template, aim, facts);
  if (aimed.admitted) return { reached: { target: aim, remediation: aimed }, aimed };
  const between = facts.sccs.ordered
    .filter((scc) => compareByPrivilege(scc, current) < 0 && compareByPrivilege(aim, scc) < 0)
    .sort(compareByPrivilege);
  for (const target of between) {
    const remediation = remediate(workload.template, target, facts);
    if (remediation.admitted) return { reached: { target, remediation }, aimed };
  }
  return { reached: undefined, aimed };
}

const VOLUME_RISK = 'volume-owned-by-another-user';

function categoryOf(reached: Reach | undefined): Category {
  if (!reached) return 'Never';
  if (reached.remediation.risks.some(({ name }) => name === VOLUME_RISK)) return 'Volume';
  return reached.remediation.edits.length === 0 ? 'AsIs' : 'Patch';
}

type Outlook = Pick<ScanRow, 'category' | 'target' | 'edits' | 'patch' | 'risks' | 'blockers'>;

const nothingToDo = (category: Category): Outlook => ({
  category,
  target: null,
  edits: [],
  patch: null,
  risks: [],
  blockers: [],
});

const risksOf = (risks: readonly Risk[]): Outlook['risks'] =>
  risks.map((risk) => ({ ...risk, containers: [...risk.containers] }));

const outlookAt = ({
  target,
  remediation: { edits, patch, risks },
}: Reach): Omit<Outlook, 'category' | 'blockers'> => ({
  target: target.name,
  edits: edits.map(({ field, change, from, to }) => ({ field, change, from, to })),
  patch: edits.length > 0 ? patch : null,
  risks: risksOf(risks),
});

interface Question {
  readonly facts: WorkloadContext;
  readonly aim: CompiledSCC;
  /** The SCC that it runs under, or would need. */
  readonly needs: CompiledSCC | undefined;
  readonly owner: Owner | null;
}

/** Remedies for a workload. */
function outlookOf(workload: Workload, { facts, aim, needs, owner }: Question): Outlook {
  if (isExemptNamespace(facts.namespace)) return nothingToDo('Exempt');
  if (needs && compareByPrivilege(needs, aim) <= 0) {
    // A running model has shown that it can; one that was only read may still fail.
    const risks = workload.pods.size > 0 ? [] : remediate(workload.template, needs, facts).risks;
    return { ...nothingToDo('Strict'), risks: risksOf(risks) };
  }
  const widest = facts.sccs.ordered.reduce((a, b) => (compareByPrivilege(a, b) < 0 ? b : a), aim);
  const { reached, aimed } = reachOf(workload, facts, { aim, current: needs ?? widest });
  return {
    ...nothingToDo(owner?.by === 'operator' ? 'Operator' : categoryOf(reached)),
    ...(reached ? outlookAt(reached) : {}),
    blockers: reached?.target === aim ? [] : aimed.blockers.map(({ message }) => message),
  };
}

/**
 * One workload's row.
 * @param aim the SCC that is strict enough
 */
export function judgeWorkload(workload: Workload, inventory: Inventory, aim: CompiledSCC): ScanRow {
  const facts = contextOf(workload, inventory);
  const next = nextRestartOf(workload, inventory);
  const [leastAsIs] = fittingSCCs(workload.template, facts);
  const current = currentOf(workload, next, inventory);
  const owner = inventory.ownerOf(workload);
  const waysIn = inventory.waysOf(workload);
  const account = { namespace: workload.namespace, name: accountOf(workload.template.spec) };
  const outlook = outlookOf(workload, { facts, aim, needs: current ?? leastAsIs, owner });
  const strategy = strategyFor(workload, {
    services: waysIn.services,
    claims: inventory.neighbours.claimsOf(workload),
  });
  const levelOf = (scc: CompiledSCC | undefined) => (scc ? podSecurityLevel(scc, facts.namespace) : null);
  return {
    apiVersion: workload.apiVersion,
    kind: workload.kind,
    namespace: workload.namespace,
    name: workload.name,
    replicas: workload.replicas,
    serviceAccount: account.name,
    ...outlook,
    risks: outlook.risks.map((one) => inventory.shared.of(one)),
    pods: Object.fromEntries([...workload.pods].sort()),
    nextRestart: inventory.shared.of(next),
    current: current?.name ?? null,
    leastAsIs: leastAsIs?.name ?? null,
    mayUse: inventory.sccs.ordered.flatMap((scc) => {
      const through = inventory.through(account, scc);
      return through.length > 0 ? [inventory.shared.of({ scc: scc.name, through })] : [];
    }),
    podSecurityNow: levelOf(current),
    podSecurityThen: levelOf(outlook.target === null ? current : inventory.sccs.byName.get(outlook.target)),
    owner: owner ? { ...owner } : null,
    ways: waysIn.ways.map((way) => ({ ...way })),
    evidence: [
      ...workload.seenUsers.map(runningUser),
      ...imageEvidence(workload.asRun, inventory.images),
      ...inventory.profilesOf(workload),
      ...inventory.recordingsOf(workload),
    ],
    strategy,
    obstacles: obstaclesOf(workload, {
      strategy,
      target: outlook.target,
      neighbours: inventory.neighbours,
      waysIn,
      risks: outlook.risks,
      namespace: facts.namespace,
    }),
  };
}
