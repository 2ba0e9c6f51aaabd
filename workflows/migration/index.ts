import { ApplicationFailure, CancellationScope, isCancellation, setHandler } from '@temporalio/workflow';
import { defaultActivities, patientActivities } from './activities.js';
import type { AcceptedPlan, Assessment, CommandInput, MigrationInput, MigrationResult } from './contract.js';
import { COMMANDS } from '@scc/plan/words';
import { commandSignal, commandUpdate, planChangedSignal, statusQuery } from './contract.js';
import { MigrationHost } from './host.js';
import { migrate, undoLost } from './migrate.js';

function wireMessages(host: MigrationHost): void {
  for (const name of COMMANDS) {
    setHandler(commandSignal(name), async (input?: CommandInput) => {
      await host.command(name, 'signal', input);
    });
    setHandler(commandUpdate(name), (input?: CommandInput) => host.command(name, 'update', input), {
      validator: (_input?: CommandInput) => {
        const refusal = host.refusal(name);
        if (refusal !== null) throw ApplicationFailure.nonRetryable(refusal, 'CommandRefused');
      },
    });
  }
  setHandler(planChangedSignal, ({ generation }) => host.planChanged(generation));
  setHandler(statusQuery, () => host.status());
}

/** One migration plan from its acceptance to its end. */
export async function migrationWorkflow({ ref }: MigrationInput): Promise<MigrationResult> {
  const host = new MigrationHost(ref);
  wireMessages(host);
  const result = await host.run(() => body(host, ref));
  await CancellationScope.nonCancellable(() => patientActivities.releasePlan(ref));
  return result;
}

async function body(host: MigrationHost, ref: MigrationInput['ref']): Promise<MigrationResult> {
  try {
    return await validateAndMigrate(host, ref);
  } catch (error) {
    host.recordUntouched(error);
    const { message } = host.status();
    return { phase: 'RolledBack', message: message ?? (isCancellation(error) ? 'cancelled' : 'rolled back') };
  }
}

async function validateAndMigrate(host: MigrationHost, ref: MigrationInput['ref']): Promise<MigrationResult> {
  const acceptance = await patientActivities.acceptPlan(ref);
  if (!acceptance.accepted) {
    host.record({ type: 'PlanAccepted', generation: acceptance.generation, contentHash: '', author: null });
    host.record({ type: 'PlanRejected', violations: acceptance.violations });
    return { phase: 'Rejected', message: acceptance.violations.map(({ message }) => message).join('; ') };
  }
  const { plan } = acceptance;
  host.begin(plan.live);
  host.onFailure = plan.spec.rollback.onFailure;
  host.record({ type: 'PlanAccepted', generation: plan.generation, contentHash: '', author: plan.author });
  host.nameWorkload(plan.spec.workloadRef.name);
  return migrate(plan, () => assess(host, ref, plan), host.effects());
}

async function assess(host: MigrationHost, ref: MigrationInput['ref'], plan: AcceptedPlan): Promise<Assessment> {
  const assessment = await defaultActivities.assess(ref, plan);
  host.record({ type: 'FactsGathered', ...assessment.facts, targetSCC: plan.spec.targetSCC });
  if (assessment.ok) {
    const { assessmentId, band, changeRisk, exposure } = assessment.governance.risk;
    host.record({ type: 'RiskScored', assessmentId, band, changeRisk, exposure });
    host.record({ type: 'PlanValidated', patch: assessment.patch, warnings: assessment.warnings });
    host.bind(assessment.governance.contentHash);
  }
  return assessment;
}

/** Undoes, from the recorded pre-images, a migration whose own workflow was terminated or lost. */
export async function undoWorkflow({ ref }: MigrationInput): Promise<MigrationResult> {
  const host = new MigrationHost(ref);
  setHandler(statusQuery, () => host.status());
  // Its own workflow was ended between its last status and the release: what it left is what the user wanted.
  if ((await patientActivities.planPhase(ref)) === 'Completed') {
    await patientActivities.releasePlan(ref);
    return { phase: 'Completed', message: 'completed before its workflow was lost; only released' };
  }
  const result = await host.run(async (): Promise<MigrationResult> => {
    const recorded = await patientActivities.loadPreImages(ref);
    if (recorded) await undoLost(recorded.target, recorded.images, host.effects());
    host.recordUntouched(new Error('the workflow of this migration was lost'));
    return { phase: 'RolledBack', message: 'undone from the recorded pre-images' };
  });
  await patientActivities.releasePlan(ref);
  return result;
}
