import { waitFor } from '@scc/runtime';
import { startLoad, type Load, type Stack } from '../index.js';
import type { Live } from './live.js';
import type { DemoOptions } from './options.js';
import type { Scenario } from './scenarios.js';
import { streamsFor } from './traffic.js';
import { noRequests, type View } from './view.js';
import { keepList, PLANS_PATH, planIn, PODS_PATH, podsIn, type WatchedPlan } from './watched.js';
import type { Workflows } from './workflows.js';

/** The parts that a scenario is played on. */
export interface Stage {
  stack: Stack;
  workflows: Workflows;
  options: Pick<DemoOptions, 'rate' | 'seconds' | 'record' | 'router'>;
  live: Live;
}

const INTERVAL_MS = 500;

/** One scenario while it is played: what is seen of it, and the load that runs all the while. */
export class Scene {
  readonly scenario: Scenario;
  readonly stage: Stage;
  readonly mishaps: string[] = [];
  plan: WatchedPlan | null = null;
  /** The highest weight of the canary so far. */
  highestWeight = 0;
  view: View;
  #watching = new AbortController();
  #watches: Promise<unknown>;

  constructor(scenario: Scenario, stage: Stage) {
    this.scenario = scenario;
    this.stage = stage;
    this.view = {
      scenario,
      step: 'warming up',
      startedMs: Date.now(),
      status: {},
      pods: [],
      requests: noRequests,
    };
    const { api } = stage.stack;
    const { signal } = this.#watching;
    this.#watches = Promise.all([
      keepList(api, PLANS_PATH, {
        signal,
        onChange: (objects) => {
          this.plan = planIn(objects, scenario.workload);
          const status = this.plan?.status ?? {};
          this.highestWeight = Math.max(this.highestWeight, status.weight ?? 0);
          this.show({ status });
        },
      }),
      keepList(api, PODS_PATH, {
        signal,
        onChange: (objects) => this.show({ pods: podsIn(objects, scenario.workload) }),
      }),
    ]);
  }

  show(change: Partial<View>): void {
    this.view = { ...this.view, ...change };
    this.stage.live.show(this.view);
  }

  note(text: string): void {
    this.stage.live.note(`   ${text}`);
  }

  async startLoad(): Promise<Load> {
    return startLoad(
      this.stage.stack,
      {
        streams: streamsFor(this.scenario, this.stage.options.rate, this.stage.options.router),
        intervalMs: INTERVAL_MS,
      },
      ({ requests, p99Ms, totalRequests, totalFailed, byScc }) =>
        this.show({
          requests: {
            sent: totalRequests,
            failed: totalFailed,
            perSecond: Math.round((requests * 1000) / INTERVAL_MS),
            p99Ms,
            bySCC: byScc,
          },
        }),
    );
  }

  /** Time passes by requests: a load that stalls lets no window end as if nothing was. */
  async requestsSince(sent: number, wanted: number, what: string): Promise<void> {
    const timeoutMs = 30_000 + (wanted / this.stage.options.rate) * 3000;
    await waitFor(() => this.view.requests.sent - sent >= wanted, { timeoutMs, what });
  }

  get sent(): number {
    return this.view.requests.sent;
  }

  async leave(): Promise<void> {
    this.#watching.abort();
    await this.#watches;
    this.stage.live.end();
  }
}
