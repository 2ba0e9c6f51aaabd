import { RISK_BANDS, type RiskBand } from '@scc/plan';
import { logit } from './numbers.js';

/** Where medium, high and critical begin. */
type Thresholds = readonly [number, number, number];

/** Probabilities that a migration fails or is undone. */
export const CHANGE_RISK_THRESHOLDS: Thresholds = [0.05, 0.2, 0.4];
/**
 * Exposure; policy, never learned. From the defaults' least: root in the container is medium, anything of the node is high,
 * most of it is critical.
 */
export const EXPOSURE_THRESHOLDS: Thresholds = [0.15, 0.5, 0.7];

function bandBy(value: number, [medium, high, critical]: Thresholds): RiskBand {
  if (value >= critical) return 'critical';
  if (value >= high) return 'high';
  return value >= medium ? 'medium' : 'low';
}

const [medium, high, critical] = CHANGE_RISK_THRESHOLDS;
const LOG_ODDS: Thresholds = [logit(medium), logit(high), logit(critical)];

/**
 * The band of the log-odds themselves. The stated probability is drawn towards one half by what is uncertain, and could
 * fall while a factor rises; the log-odds cannot.
 */
export const changeRiskBand = (mu: number): RiskBand => bandBy(mu, LOG_ODDS);
export const exposureBand = (exposure: number): RiskBand => bandBy(exposure, EXPOSURE_THRESHOLDS);

export const isHigher = (a: RiskBand, b: RiskBand): boolean => RISK_BANDS.indexOf(a) > RISK_BANDS.indexOf(b);

export interface CombinedBand {
  readonly band: RiskBand;
  /** Which of the two numbers the band comes from. */
  readonly raisedBy: 'changeRisk' | 'exposure' | 'both';
}

/** The higher of both. */
export function combineBands(change: RiskBand, exposure: RiskBand): CombinedBand {
  if (change === exposure) return { band: change, raisedBy: 'both' };
  return isHigher(change, exposure)
    ? { band: change, raisedBy: 'changeRisk' }
    : { band: exposure, raisedBy: 'exposure' };
}
