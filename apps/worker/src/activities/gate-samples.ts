import type { GateSample, MetricGate } from '@scc/plan';
import type { TrafficScope } from '../outside/flavours.js';
import { BASELINE_MS, type MetricReading, type MetricSource } from '../outside/prometheus.js';

const ONLY_TRIED = '; the gate ends nothing (dryRun)';

const unitOf = ({ relativeTo }: MetricGate): string => (relativeTo === undefined ? '' : ' %');

/** The meaning of one reading for a gate. */
export function judgeSample(gate: MetricGate, reading: MetricReading, at: string): GateSample {
  const { detail, ...judged } = 'noData' in reading ? without(reading.noData) : judgeNumber(gate, reading);
  return { gate: gate.name, at, ...judged, detail: gate.dryRun ? `${detail}${ONLY_TRIED}` : detail };
}

type Judged = Pick<GateSample, 'verdict' | 'value' | 'detail'>;

const without = (detail: string): Judged => ({ verdict: 'noData', value: null, detail });

function judgeNumber(gate: MetricGate, { value, of }: { value: number; of?: string }): Judged {
  const because = of === undefined ? '' : ` (${of})`;
  if (!Number.isFinite(value)) return judgeInfinite(gate, value, because);
  const unit = unitOf(gate);
  const said = (verdict: Judged['verdict'], words: string): Judged => ({
    verdict,
    value,
    detail: `${Number(value.toFixed(3))}${unit} is ${words}${because}`,
  });
  if (gate.min !== undefined && value < gate.min) return said('fail', `below ${gate.min}${unit}`);
  if (gate.max !== undefined && value > gate.max) return said('fail', `above ${gate.max}${unit}`);
  return said('pass', 'within bounds');
}

/** A number without end is beyond any bound on its side, and within none: a gate cannot pass by it. */
function judgeInfinite(gate: MetricGate, value: number, because: string): Judged {
  const shown = `${value > 0 ? '+' : '-'}Inf${unitOf(gate)}`;
  const bound = value > 0 ? gate.max : gate.min;
  if (bound === undefined) return without(`${shown} is no measure${because}`);
  const detail = `${shown} is ${value > 0 ? 'above' : 'below'} ${bound}${unitOf(gate)}${because}`;
  return { verdict: 'fail', value: null, detail };
}

type Gate = Pick<MetricGate, 'preset' | 'query' | 'web' | 'relativeTo'>;

interface Asked {
  scope: TrafficScope;
  /** From when on its traffic counts, in milliseconds since the epoch. */
  sinceMs: number;
  /** The other side gets no request: it is taken as it was in its last hour. */
  isOtherIdle: boolean;
}

/**
 * One reading of a gate: the number of the side that is judged or, where the gate compares, that number in percent of
 * the other side's.
 */
export async function readGate(
  metrics: Pick<MetricSource, 'read'>,
  gate: Gate,
  { scope: { beside = [], ...scope }, sinceMs, isOtherIdle }: Asked,
): Promise<MetricReading> {
  const own = await metrics.read(gate, { ...scope, beside }, sinceMs);
  if (gate.relativeTo === undefined || 'noData' in own) return own;
  const otherSinceMs = isOtherIdle ? sinceMs - BASELINE_MS : sinceMs;
  const other = await metrics.read(gate, { ...scope, services: beside, beside: scope.services }, otherSinceMs);
  return 'noData' in other
    ? { noData: `the other side gives nothing to compare with: ${other.noData}` }
    : inPercent(own.value, other.value);
}

function inPercent(own: number, other: number): MetricReading {
  if (own < 0 || other < 0) return { noData: `numbers below 0 have no share of each other (${own} beside ${other})` };
  const shown = (value: number): string => String(Number(value.toFixed(3)));
  const of = `${shown(own)} beside ${shown(other)} of the other side`;
  if (!Number.isFinite(other)) return { noData: `a number without end is nothing to compare with (${of})` };
  if (other > 0) return { value: (100 * own) / other, of };
  return { value: own === 0 ? 100 : Number.POSITIVE_INFINITY, of };
}
