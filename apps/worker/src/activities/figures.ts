import { type BothSides, type GateSample, isDivided, type SideFigures } from '@scc/plan';
import type { HoldRequest, MigrationTarget } from '@scc/migration/contract';
import { FAILURE } from '@scc/migration/contract';
import { ApplicationFailure } from '@temporalio/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { MetricSource } from '../outside/prometheus.js';
import type { TargetActivities } from './target.js';

/** Figures are for those who look on: a slow Prometheus does not hold the migration up for longer. */
const ASK_MS = 5_000;

type Figures = NonNullable<MetricSource['figures']>;

const UNKNOWN: SideFigures = { perSecond: null, successRate: null, p99Ms: null };

/** What the callers of both sides met over a hold; null where nothing tells the sides apart, or in time. */
async function bothSides(
  figures: Figures,
  { ref: { namespace }, services }: Pick<MigrationTarget, 'ref' | 'services'>,
  { weight, sinceMs, workloadSinceMs }: HoldRequest,
): Promise<BothSides | null> {
  const from = workloadSinceMs ?? sinceMs;
  const isMirrored = weight === 0 && workloadSinceMs === undefined;
  const sideOf = (names: string[], mirrored: boolean): Promise<SideFigures> =>
    figures({ namespace, services: names, mirrored }, from).catch(() => UNKNOWN);
  const asked = Promise.all([
    sideOf(
      services.map((pair) => pair.canary),
      isMirrored,
    ),
    sideOf(
      services.map(({ name }) => name),
      false,
    ),
  ]);
  const sides = await Promise.race([asked, delay(ASK_MS, null, { ref: false })]);
  return sides && { canary: sides[0], stable: sides[1] };
}

/** What all gates saw, as `gatesFailed` leaves it. */
const seenIn = ({ details }: ApplicationFailure): GateSample[] =>
  Array.isArray(details?.[0]) ? (details[0] as GateSample[]) : [];

const onFirst = (samples: GateSample[], sides: BothSides | null): GateSample[] =>
  sides === null ? samples : samples.map((sample, at) => (at === 0 ? { ...sample, sides } : sample));

/** Lets a hold say beside what its gates saw, whether they pass or fail, what the callers of both sides met. */
export const withFigures =
  ({ figures }: Pick<MetricSource, 'figures'>, hold: TargetActivities['hold']): TargetActivities['hold'] =>
  async (target, request) => {
    const add = async (samples: GateSample[]): Promise<GateSample[]> =>
      figures && samples.length > 0 && target.services.length > 0 && isDivided(target.strategy)
        ? onFirst(samples, await bothSides(figures, target, request))
        : samples;
    try {
      return await add(await hold(target, request));
    } catch (error) {
      if (!(error instanceof ApplicationFailure) || error.type !== FAILURE.gate) throw error;
      throw ApplicationFailure.nonRetryable(error.message, FAILURE.gate, await add(seenIn(error)));
    }
  };
