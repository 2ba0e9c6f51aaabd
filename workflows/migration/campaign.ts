import {
  CancellationScope,
  continueAsNew,
  isCancellation,
  patched,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { memberKey } from '@scc/plan/words';
import type {
  CampaignActivities,
  CampaignCarried,
  CampaignInput,
  CampaignReport,
  CampaignSeen,
  CampaignSettings,
  CampaignSignal,
  TrackedMember,
} from './campaign-payloads.js';
import {
  afterAttempt,
  afterCreate,
  afterOutcomes,
  type CampaignStep,
  currentWave,
  nextStep,
} from './campaign-state.js';
import { type CommandInput, commandSignal, TERMINAL_FAILURES } from './contract.js';

const acts = proxyActivities<CampaignActivities>({
  startToCloseTimeout: '30 days',
  heartbeatTimeout: '6s',
  retry: {
    initialInterval: '200ms',
    backoffCoefficient: 2,
    maximumInterval: '10s',
    nonRetryableErrorTypes: TERMINAL_FAILURES,
  },
});

/** Signals are reported, and one that comes during a report is heard before the wait that follows. */
const TELLS_SIGNALS = 'tells-signals';
/** Of so many signals that come between two reports, the first ones are told. */
const MOST_SIGNALS = 20;

type Wait = Extract<CampaignStep, { do: 'wait' }>;

/** One campaign from its board to its end: creates plans, waits for them, and does nothing to a workload itself. */
class Campaign {
  readonly #input: CampaignInput;
  readonly #kept: CampaignCarried;
  #changed = new Map<string, CampaignReport['changed'][number]>();
  #said = '';
  /** Asked once, at the start: a run that began without goes on without. */
  readonly #tellsSignals = patched(TELLS_SIGNALS);
  #waiting: CancellationScope | null = null;

  constructor(input: CampaignInput, kept: CampaignCarried) {
    this.#input = input;
    this.#kept = kept;
    const { stopped } = kept;
    this.#obey({
      pause: () => (stopped.paused = true),
      resume: () => (stopped.paused = false),
      abort: () => (stopped.aborted = true),
    });
  }

  /** @returns the message of its end */
  async run(): Promise<string> {
    for (;;) {
      const step = nextStep(this.#kept.state, this.#settings(), Date.now());
      if (step.do === 'end') {
        await this.#report(step.phase, step.message);
        return step.message;
      }
      if (step.do === 'create') await this.#create(step.members);
      else if (!(await this.#wait(step))) return 'the campaign was deleted; plans that run go on to their end';
      if (workflowInfo().continueAsNewSuggested)
        return continueAsNew<typeof campaignWorkflow>({ ref: this.#input.ref, carried: this.#kept });
    }
  }

  /** A signal can stop, and take back its own stop; what the spec says it cannot change. */
  #settings(): CampaignSettings {
    const { settings, stopped } = this.#kept;
    return { ...settings, suspend: settings.suspend || stopped.paused, abort: settings.abort || stopped.aborted };
  }

  #obey(changes: Record<CampaignSignal['command'], () => void>): void {
    for (const command of ['pause', 'resume', 'abort'] as const)
      setHandler(commandSignal(command), (input?: CommandInput) => {
        changes[command]();
        const pending = this.#kept.signals ?? [];
        const signal = { command, claimedActor: input?.actor ?? null, atMs: Date.now() };
        if (pending.length < MOST_SIGNALS) this.#kept.signals = [...pending, signal];
        this.#waiting?.cancel();
      });
  }

  async #create(members: readonly TrackedMember[]): Promise<void> {
    const { ref } = this.#input;
    for (const member of members) {
      const { namespace, kind, name } = member;
      const made = await acts.createPlan(ref, { namespace, kind, name, attempt: this.#kept.state.attempt });
      this.#kept.state = afterCreate(this.#kept.state, member, made);
      this.#note(member, 'plan' in made ? { state: 'Running', ...made } : { state: 'Failed', message: made.refused });
    }
  }

  #note(
    { namespace, kind, name }: TrackedMember,
    now: Pick<CampaignReport['changed'][number], 'state' | 'plan' | 'message'>,
  ) {
    this.#changed.set(memberKey({ namespace, kind, name }), { namespace, kind, name, ...now });
  }

  /** @returns whether the campaign is still there */
  async #wait({ phase, message, untilMs }: Wait): Promise<boolean> {
    await this.#report(phase, message);
    const { state, settings, signals = [] } = this.#kept;
    if (signals.length > 0 && this.#tellsSignals) return true;
    const running = state.waves
      .flatMap(({ members }) => members)
      .flatMap(({ state: now, namespace, plan }) => (now === 'Running' && plan ? [{ namespace, plan }] : []));
    const scope = new CancellationScope();
    this.#waiting = scope;
    try {
      const wait = { generation: settings.generation, running, untilMs };
      return this.#take(await scope.run(() => acts.awaitChange(this.#input.ref, wait)));
    } catch (error) {
      if (isCancellation(error) && scope.consideredCancelled && !CancellationScope.current().consideredCancelled)
        return true;
      throw error;
    } finally {
      this.#waiting = null;
    }
  }

  #take({ settings, outcomes }: CampaignSeen): boolean {
    const kept = this.#kept;
    const members = kept.state.waves.flatMap((wave) => wave.members);
    for (const { namespace, plan, state, message } of outcomes) {
      const member = members.find((one) => one.namespace === namespace && one.plan === plan);
      if (member) this.#note(member, { state, plan, ...(state === 'Failed' ? { message } : {}) });
    }
    kept.state = afterOutcomes(kept.state, outcomes, { nowMs: Date.now(), soakMs: kept.settings.soakMs });
    if (!settings) return false;
    if (settings.attempt > kept.state.attempt) {
      for (const member of kept.state.waves.flatMap((wave) => wave.members))
        if (member.state === 'Failed') this.#note(member, { state: 'Waiting' });
      kept.state = afterAttempt(kept.state, settings.attempt);
    }
    kept.settings = settings;
    return true;
  }

  async #report(phase: CampaignReport['phase'], message: string): Promise<void> {
    const { state, settings } = this.#kept;
    const { attempt, soakUntilMs, waves } = state;
    const { generation } = settings;
    const wave = Math.min(currentWave(state) + 1, waves.length);
    const said = JSON.stringify([phase, message, wave, attempt, generation]);
    const signals = this.#kept.signals ?? [];
    const isSignalled = signals.length > 0 && this.#tellsSignals;
    if (said === this.#said && this.#changed.size === 0 && !isSignalled) return;
    setCurrentDetails(`**${phase}** – ${message}\n\nSignals: \`pause\`, \`resume\`, \`abort\`.`);
    const changed = [...this.#changed.values()];
    delete this.#kept.signals;
    this.#changed = new Map();
    const report = { phase, message, wave, attempt, generation, soakUntilMs, changed };
    await acts.reportCampaign(this.#input.ref, { ...report, ...(isSignalled ? { signals } : {}) });
    this.#said = said;
  }
}

/** Moves many workloads in waves, each by a plan of its own. */
export async function campaignWorkflow(input: CampaignInput): Promise<string> {
  if (input.carried) return new Campaign(input, input.carried).run();
  const begun = await acts.beginCampaign(input.ref);
  if (begun === null) return 'the campaign was deleted before it began';
  if (typeof begun === 'string') return begun;
  const { waves, attempt, settings } = begun;
  const state = afterAttempt({ waves, attempt, soakUntilMs: null }, settings.attempt);
  return new Campaign(input, { state, settings, stopped: { paused: false, aborted: false } }).run();
}
