import { createHash } from 'node:crypto';
import { setTimeout as lasting } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { isTerminal } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { scaled, seedOf } from '@scc/testing/scale';
import { startLoad, type Stack } from '../../src/index.js';
import { DEPLOYMENTS, longHolds, PLANS, ROUTES, TIMEOUT_MS, type engineOn, type Plan } from '../engine.fixture.js';
import { allCells, byPairs, isStormy, waves, type Cell, type Stormy } from './cells.js';
import type { BadWeather } from './weather.fixture.js';
import { deploy, remove, streamsOf } from './workload.fixture.js';

/** `npm run verify` runs all cells, and each fault at its full length. */
const isWhole = scaled(1) > 1;
/** Cells of the gate. */
const CELLS = 12;
/** How many of them happen at the same time, to as many processes. */
const AT_ONCE = 4;
/** How long a process stands still: longer than Temporal waits for a heartbeat; a minute in `npm run verify`. */
const STANDSTILL_MS = isWhole ? 60_000 : 9_000;
/** Requests a second through each of the two proxies, of each workload. */
const RATE = isWhole ? 30 : 5;
const LEAST_REQUESTS = isWhole ? 300_000 : 500;
const LEFT_MS = 30_000;

interface Bench {
  stack: Stack;
  weather: BadWeather;
  engine: ReturnType<typeof engineOn>;
}

/** Another order for each seed, and the same one for the same. */
const rank = (cell: Cell, seed: number): string =>
  createHash('sha256')
    .update(`${seed} ${Object.values(cell).join(' ')}`)
    .digest('hex');

function wavesOfRun(): Cell[][] {
  if (!isWhole) return waves(byPairs(allCells(), CELLS), AT_ONCE);
  const seed = seedOf(0);
  return waves(
    allCells().toSorted((a, b) => rank(a, seed).localeCompare(rank(b, seed))),
    AT_ONCE,
  );
}

const NO_HOLDS = { mirror: { duration: '0s' }, interval: '0s' };
/** Time to reach each step and to meet the fault there. */
const TRAFFIC: Record<Cell['step'], object> = {
  validating: NO_HOLDS,
  mirroring: { mirror: { duration: '30s' }, interval: '0s' },
  shifting: longHolds,
  migrating: NO_HOLDS,
  undoing: longHolds,
};

/** One migration in the middle of which something happens. */
type Met = Cell & { name: string; plan: string };

/** The action on one wave of cells. */
class Wave {
  readonly #bench: Bench;
  readonly #met: Met[];

  constructor(bench: Bench, met: Met[]) {
    this.#bench = bench;
    this.#met = met;
  }

  /** Brings each migration to the step where something happens to it. */
  async reach(): Promise<void> {
    const { until, untilPhase, untilWeight } = this.#bench.engine;
    const early = this.#at((step) => step !== 'validating');
    await Promise.all(early.map((met) => this.#begin(met)));
    await Promise.all(
      early.map(({ step, plan }) => {
        if (step === 'mirroring')
          return until(plan, ({ message = '' }) => message.startsWith('mirroring'), 'mirroring');
        return step === 'migrating' ? untilPhase(plan, 'Migrating') : untilWeight(plan, 10);
      }),
    );
    const undone = this.#at((step) => step === 'undoing');
    await Promise.all(undone.map(({ plan }) => this.rollBack(plan)));
    await Promise.all(undone.map(({ plan }) => until(plan, ({ phase = '' }) => phase.startsWith('Roll'), 'undone')));
    await Promise.all(this.#at((step) => step === 'validating').map((met) => this.#begin(met)));
  }

  /** Killed processes start again, one after the other; stopped ones go on at the same time. */
  async strike(): Promise<void> {
    const killed = this.#met.filter(({ fault }) => fault === 'killed');
    for (const cell of killed) {
      await this.#partOf(cell).kill();
      await this.#restart(cell);
    }
    const still = this.#met.filter(({ fault }) => fault === 'stopped for a while').map((cell) => this.#partOf(cell));
    if (still.length === 0) return;
    await Promise.all(still.map((part) => part.signal('SIGSTOP')));
    await lasting(STANDSTILL_MS);
    await Promise.all(still.map((part) => part.signal('SIGCONT')));
    // What began while the other stood still may have given up by itself.
    for (const cell of killed) await this.#restart(cell);
  }

  #partOf({ process }: Met) {
    return this.#bench.stack.part(process === 'worker' ? 'worker-1' : process);
  }

  /** Starts what has ended; killed, the last children of PostgreSQL still hold the shared memory for a moment. */
  async #restart(cell: Met): Promise<void> {
    const started = () =>
      this.#partOf(cell)
        .start()
        .then(() => true);
    await waitFor(started, { timeoutMs: TIMEOUT_MS, everyMs: 500, what: `${cell.process} to start again` });
  }

  /** Lets each migration go on to its end. */
  async end(): Promise<void> {
    const { engine, stack } = this.#bench;
    const hurry = async (plan: string): Promise<true> => {
      const { status } = await engine.read(plan);
      if (!isTerminal(status.phase))
        await stack.api.merge(`${PLANS}/${plan}`, { spec: { traffic: { interval: '0s' } } });
      return true;
    };
    const held = this.#at((step) => step === 'shifting');
    await Promise.all(
      held.map(({ plan }) => waitFor(() => hurry(plan), { timeoutMs: TIMEOUT_MS, what: 'the holds to be over' })),
    );
    await Promise.all(this.#met.map(({ plan }) => engine.until(plan, ({ phase }) => isTerminal(phase), 'over')));
    for (const { plan } of this.#met)
      await waitFor(async () => (await engine.read(plan)).metadata.finalizers.length === 0, {
        timeoutMs: TIMEOUT_MS,
        what: `${plan} to be released`,
      });
  }

  async rollBack(plan: string): Promise<void> {
    const { engine } = this.#bench;
    const sent = async (): Promise<true> => {
      await (await engine.handleOf(plan)).signal('rollback');
      return true;
    };
    await waitFor(sent, { timeoutMs: TIMEOUT_MS, what: 'Temporal to take a signal' });
  }

  #at(wanted: (step: Cell['step']) => boolean): Met[] {
    return this.#met.filter(({ step }) => wanted(step));
  }

  async #begin({ name, plan, step }: Met): Promise<void> {
    const gates = { metrics: [], readiness: { timeout: '2m' } };
    await this.#bench.engine.apply(plan, name, { gates, traffic: TRAFFIC[step] });
  }
}

const stormyOf = (wave: Cell[]): Stormy[] =>
  wave
    .filter(({ fault }) => fault === 'writing in bad weather')
    .flatMap(({ process }) => (isStormy(process) ? [process] : []));

const titleOf = (wave: Cell[]): string =>
  wave.map(({ process, fault, step }) => `${process} ${fault} while ${step}`).join('; ');

/** Each process, at each step, in each way, with two workers: no client notices, every migration ends, nothing is left. */
export function crashMatrix(benchOf: () => Bench): void {
  describe('processes that fail while migrations run', () => {
    const all = wavesOfRun();
    let requests = 0;
    let turn = 0;

    it.each(all.map((wave) => ({ title: titleOf(wave), wave })))(
      '$title',
      async ({ wave }) => {
        const bench = benchOf();
        const { stack, weather, engine } = bench;
        const met = wave.map((cell) => ({ ...cell, name: `cell-${++turn}`, plan: `met-${turn}` }));
        const names = met.map(({ name }) => name);
        await deploy(stack, names);
        const before = await Promise.all(met.map(({ name }) => specsOf(engine, name)));
        const load = await startLoad(stack, { streams: names.flatMap((name) => streamsOf(name, RATE)) });
        const running = new Wave(bench, met);
        const stormy = stormyOf(wave);
        const calm = await weather.set(stormy);
        try {
          await running.reach();
          await running.strike();
          await running.end();
        } finally {
          await weather.set([]);
        }
        const injected = Object.entries(await weather.set([])).filter(([name, count]) => count > (calm[name] ?? 0));
        expect(injected.map(([name]) => name).toSorted()).toEqual(stormy.toSorted());

        const { total, failures } = await load.stop();
        expect(failures).toEqual([]);
        requests += total.requests;
        const ends = await Promise.all(met.map(({ plan }) => engine.read(plan)));
        await waitFor(async () => (await engine.remains()).length === 0, { timeoutMs: LEFT_MS, what: 'nothing left' });
        for (const [index, { status }] of ends.entries()) {
          const { name, step } = met[index] ?? { name: '', step: '' };
          if (step === 'undoing') expect(status.phase).toBe('RolledBack');
          if (status.phase === 'RolledBack') expect(await specsOf(engine, name)).toEqual(before[index]);
          else expect(status.phase).toBe('Completed');
        }
        // The stopped process wrote nothing over the end.
        const after = await Promise.all(met.map(({ plan }) => engine.read(plan)));
        expect(after.map(endOf)).toEqual(ends.map(endOf));
        await remove(stack, names);
      },
      5 * TIMEOUT_MS,
    );

    it('meet enough requests', () => {
      expect(requests).toBeGreaterThanOrEqual(LEAST_REQUESTS);
    });
  });
}

const specsOf = (engine: Bench['engine'], name: string): Promise<unknown[]> =>
  Promise.all([`${DEPLOYMENTS}/${name}`, `${ROUTES}/${name}`].map(engine.specOf));

const endOf = ({ status: { phase, sequence } }: Plan) => ({ phase, sequence });
