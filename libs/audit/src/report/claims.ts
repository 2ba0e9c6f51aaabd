import type { AuditBody } from '../entry.js';
import { type CampaignClaim, campaignClaims } from './campaigns.js';
import { type ContentClaim, Contents } from './contents.js';
import {
  type BreakGlassClaim,
  breakGlassClaims,
  type ExceptionClaim,
  exceptionClaims,
  type LogClaim,
  logClaims,
  type StopClaim,
  stopClaims,
  type UnplannedClaim,
  unplannedClaims,
} from './deviations.js';
import { instantOf, REPORT_ACTIONS, type ReportPeriod } from './entries.js';
import {
  type FourEyesClaim,
  fourEyesClaims,
  type MigrationClaim,
  migrationClaim,
  touchedPlans,
  untrustedEnds,
} from './migrations.js';
import { type RunClaim, runClaims } from './runs.js';

/** What a report says, each claim with the entries that it rests on. */
export interface ReportClaims {
  runs: RunClaim[];
  contents: ContentClaim[];
  migrations: MigrationClaim[];
  campaigns: CampaignClaim[];
  approvals: FourEyesClaim[];
  exceptions: ExceptionClaim[];
  breakGlass: BreakGlassClaim[];
  unplanned: UnplannedClaim[];
  stops: StopClaim[];
  log: LogClaim[];
}

const ACTIONS: ReadonlySet<string> = new Set(REPORT_ACTIONS);

/** @param entries in the order of the log; those that a report does not rest on are passed over. */
export function reportClaims(entries: readonly AuditBody[], period: ReportPeriod): ReportClaims {
  const until = instantOf(period.to);
  const known = entries.filter(({ action, occurredAt }) => ACTIONS.has(action) && instantOf(occurredAt) < until);
  const contents = new Contents(known);
  const touched = touchedPlans(known, period);
  return {
    runs: runClaims(known, { period, contents, untrusted: untrustedEnds(known) }),
    contents: contents.within(period),
    migrations: touched.map(([uid, own]) => migrationClaim(uid, own)),
    campaigns: campaignClaims(known, period),
    approvals: touched.flatMap(([uid, own]) => fourEyesClaims(uid, own)),
    exceptions: exceptionClaims(known, period, touched),
    breakGlass: breakGlassClaims(known, period),
    unplanned: unplannedClaims(known, period),
    stops: stopClaims(known, period),
    log: logClaims(known, period),
  };
}

/** The sections of a report, in the order in which they are shown. */
export const REPORT_SECTIONS = [
  ...(['runs', 'contents', 'migrations', 'campaigns', 'approvals', 'exceptions', 'breakGlass'] as const),
  ...(['unplanned', 'stops', 'log'] as const),
] satisfies (keyof ReportClaims)[];
export type ReportSection = (typeof REPORT_SECTIONS)[number];

/**
 * The entries that a report of the period has to hold, by their ids: no others change what it says.
 * @param claims of these entries, where they are known
 */
export function reportEntries(
  entries: readonly AuditBody[],
  period: ReportPeriod,
  claims = reportClaims(entries, period),
): Set<string> {
  const until = instantOf(period.to);
  const contents = entries.filter(
    ({ action, occurredAt }) => action.startsWith('scc.') && instantOf(occurredAt) < until,
  );
  return new Set([
    ...contents.filter(({ action }) => ACTIONS.has(action)).map(({ id }) => id),
    ...REPORT_SECTIONS.flatMap((section) => claims[section].flatMap((claim) => claim.entries)),
  ]);
}
