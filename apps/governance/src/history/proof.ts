import {
  bodyOf,
  hashOf,
  migrationClaims,
  type MigrationClaims,
  type NoteSigner,
  placeOfEvent,
  type ProvedEntry,
  signNote,
} from '@scc/audit';
import type { StableSide } from '@scc/plan';
import { z } from 'zod';
import { newestCheckpoint, provableRow, proveEntries } from '../audit/proofs.js';
import { type Database, rowsOf } from '../database/rows.js';
import { currentEvaluation, findMigration, type MigrationRow, type StoredEvaluation } from '../plans/store.js';
import { Refusal } from '../refusal/refusal.js';
import { evidenceIn, inOrderOfRoles, provedEvents, toStored } from './evidence.js';
import { project } from './project.js';
import { type EventRow, eventsOf, type ReportedMigrationDetail } from './read.js';

/** One document about one migration: what was asked, who allowed it, what happened, and the log that holds it. */
export interface MigrationProof {
  version: 2;
  generatedAt: string;
  plan: { uid: string; namespace: string; name: string; author: string | null };
  asked: Pick<StoredEvaluation['request'], 'spec' | 'facts'> | null;
  answered: (Omit<StoredEvaluation['answer'], 'receipt'> & { entryId: string; evaluatedAt: string }) | null;
  approvals: MigrationClaims['approvals'];
  steps: MigrationClaims['steps'];
  events: EventRow[];
  outcome: Pick<ReportedMigrationDetail, 'phase' | 'outcome' | 'traffic' | 'finishedAt'> & {
    startedAt: string | null;
    /** What reached the workload's own pods before they were rolled, and what that rests on; absent where nobody looked. */
    stableSide?: StableSide;
  };
  pods: ReportedMigrationDetail['pods'];
  audit: { checkpoint: string | null; entries: ProvedEntry[] };
}

export interface SignedProof {
  document: MigrationProof;
  /** A C2SP note by the audit key: origin, what it is, and the SHA-256 (hex) of the document's canonical JSON. */
  signature: string;
}

const MAX_ROWS = 10_000;

/** The key that signs proofs: the audit key, under the origin of the log. */
export class ProofSigner {
  readonly signer: NoteSigner;
  readonly origin: string;

  constructor(signer: NoteSigner, origin: string) {
    this.signer = signer;
    this.origin = origin;
  }
}

/** The text that is signed; its second line keeps it apart from checkpoints. */
export const proofText = (origin: string, document: MigrationProof): string =>
  `${origin}\nmigration proof ${document.plan.uid}\n${hashOf(document)}\n`;

/** @throws Refusal `notFound` when no event of the plan was ever reported. */
export async function migrationProof(
  db: Database,
  uid: string,
  { signer, origin, now }: { signer: NoteSigner; origin: string; now: Date },
): Promise<SignedProof> {
  const migration = await findMigration(db, uid);
  const evaluation = await currentEvaluation(db, migration);
  const audit = await auditOf(db, migration);
  const evidence = evidenceIn(audit.entries);
  // The tables count only as far as the log says the same: rows can be changed, entries cannot.
  const claims = migrationClaims([...evidence.values()], uid);
  const all = await eventsOf(db, uid, { limit: MAX_ROWS, after: null });
  const reported = all.filter((event) => !claims.untrusted.has(placeOfEvent(event)));
  if (reported.length === 0) throw new Refusal('notFound', `no migration ${uid}`);
  const events = provedEvents(reported, evidence);
  const { phase, outcome, traffic, startedAt, finishedAt, stableSide, pods } = project(events.map(toStored));
  const document: MigrationProof = {
    version: 2,
    generatedAt: now.toISOString(),
    plan: { uid, namespace: migration.namespace, name: migration.name, author: claims.author },
    asked: evaluation && askedOf(evaluation, claims),
    answered: evaluation && answeredOf(evaluation, claims),
    approvals: claims.approvals,
    steps: claims.steps,
    events,
    outcome: { phase, outcome, traffic, startedAt, finishedAt, ...(stableSide && { stableSide }) },
    pods: inOrderOfRoles(pods),
    audit,
  };
  return { document, signature: signNote(proofText(origin, document), [signer]) };
}

/** Null when the log holds no hash of it, or another one. */
function askedOf(
  { request: { spec, facts } }: StoredEvaluation,
  { evaluation }: MigrationClaims,
): MigrationProof['asked'] {
  return hashOf({ spec, facts }) === evaluation?.askedHash ? { spec, facts } : null;
}

function answeredOf({ answer }: StoredEvaluation, { evaluation }: MigrationClaims): MigrationProof['answered'] {
  const { receipt: _receipt, ...said } = answer;
  if (evaluation?.answerHash !== hashOf(said)) return null;
  const { entryId, evaluatedAt } = evaluation;
  return { ...said, entryId, evaluatedAt };
}

const detailsSchema = z.object({ uid: z.string() });

/** Every audit entry about the plan, proved against the newest checkpoint. */
export async function auditOf(
  db: Database,
  { planUid: uid, namespace, name }: MigrationRow,
): Promise<MigrationProof['audit']> {
  const newest = await newestCheckpoint(db);
  const rows = await rowsOf(
    db,
    provableRow,
    `select e.entry_id, e.body, e.leaf_hash, s.index from audit_entry e left join audit_seal s on s.entry = e.id
     where e.object_kind = 'SCCMigrationPlan' and e.object_namespace = $1 and e.object_name = $2 order by e.id limit $3`,
    [namespace, name, MAX_ROWS],
  );
  const own = rows.filter(({ body }) => uidOf(body) === uid);
  const entries = await proveEntries(db, own, newest?.size ?? 0);
  return { checkpoint: newest?.note ?? null, entries };
}

/** A plan that was deleted and made again has the same name and another uid. */
function uidOf(body: Buffer): string | null {
  const said = bodyOf(body.toString('base64'));
  return detailsSchema.safeParse(said?.details).data?.uid ?? null;
}
