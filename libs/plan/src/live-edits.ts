import { durationMs } from './duration.js';
import { isRecord } from './records.js';
import type { MetricGate, PlanSpec } from './schema.js';

/** The parts of a plan that take effect while it runs, beside `suspend`, which holds it or lets it go on as agreed. */
export interface LiveParts {
  readonly gates: PlanSpec['gates'];
  readonly traffic: Pick<PlanSpec['traffic'], 'interval'>;
}

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
const change = (field: string, before: unknown, after: unknown): string =>
  `${field}: ${shown(before)} → ${shown(after)}`;
const isLonger = (before: string, after: string): boolean => durationMs(after) > durationMs(before);

/** From the strictest to the laxest. */
const NO_DATA: readonly MetricGate['noData'][] = ['Fail', 'Wait', 'Ignore'];

/** Whether one field of a gate became laxer. A field that is not here may not change at all. */
type Laxer<Gate> = { [Key in keyof Gate]?: (before: Gate[Key], after: Gate[Key]) => boolean };

const METRIC: Laxer<MetricGate> = {
  min: (before, after) => before !== undefined && (after === undefined || after < before),
  max: (before, after) => before !== undefined && (after === undefined || after > before),
  failureLimit: (before, after) => after > before,
  interval: isLonger,
  dryRun: (before, after) => !before && after === true,
  noData: (before, after) => NO_DATA.indexOf(after) > NO_DATA.indexOf(before),
};
type WebhookGate = PlanSpec['gates']['webhooks'][number];
const WEBHOOK: Laxer<WebhookGate> = { timeout: isLonger };

function loosenedFields<Gate extends object>(field: string, before: Gate, after: Gate, laxer: Laxer<Gate>): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof Gate & string)[];
  return keys
    .filter((key) => {
      if (JSON.stringify(before[key]) === JSON.stringify(after[key])) return false;
      const isLaxer = laxer[key];
      return isLaxer === undefined || isLaxer(before[key], after[key]);
    })
    .map((key) => change(`${field}.${key}`, before[key], after[key]));
}

/** Gates are known by their names: one that is gone, or called otherwise, watches no more. */
function loosenedGates<Gate extends { name: string }>(
  field: string,
  [before, after]: readonly [readonly Gate[], readonly Gate[]],
  laxer: Laxer<Gate>,
): string[] {
  const now = new Map(after.map((gate) => [gate.name, gate]));
  return before.flatMap((gate) => {
    const kept = now.get(gate.name);
    const at = `${field}[${gate.name}]`;
    return kept ? loosenedFields(at, gate, kept, laxer) : [`${at}: removed`];
  });
}

/**
 * Every way in which an edit of a running plan lets more pass than before, with its field; empty when it only tightens.
 * Both specs must be parsed, so that a default written out is no edit. A field that is not known here may not change.
 */
export function loosenedBy(before: LiveParts, after: LiveParts): string[] {
  const { readiness, metrics, webhooks, ...others } = before.gates;
  const { readiness: ready, metrics: measured, webhooks: called, ...otherwise } = after.gates;
  return [
    ...(isLonger(after.traffic.interval, before.traffic.interval)
      ? [change('spec.traffic.interval', before.traffic.interval, after.traffic.interval)]
      : []),
    ...loosenedFields('spec.gates.readiness', readiness, ready, { timeout: isLonger }),
    ...loosenedGates('spec.gates.metrics', [metrics, measured], METRIC),
    ...loosenedGates('spec.gates.webhooks', [webhooks, called], WEBHOOK),
    ...loosenedFields('spec.gates', isRecord(others) ? others : {}, isRecord(otherwise) ? otherwise : {}, {}),
  ];
}
