import type { CodeTexts } from './text.js';

/** The violations that a plan shows by itself, without a cluster. */
export const FORM_VIOLATIONS = {
  ApiVersion: {
    cause: 'the manifest has another apiVersion than plans have',
    remedy: 'write apiVersion: scc.poc/v1',
  },
  InvalidValue: {
    cause: 'a field has a value of the wrong type or form',
    remedy: 'correct the field that the violation names; `kubectl explain sccmp.spec` describes every field',
  },
  KindNotMoved: {
    cause:
      'no plan moves a workload of that kind: a Job, a bare Pod or ReplicaSet, a ReplicationController, a DeploymentConfig, a Rollout of Argo Rollouts, a Knative Service',
    remedy: 'change it by hand as the violation says, with the patch that it writes out',
  },
  UnknownField: {
    cause: 'a plan has no such field; a misspelt one would do nothing',
    remedy: 'correct its name or leave it out',
  },
  StrategyDoesNotFit: {
    cause: 'each kind of workload is moved in its own way, and the plan asks for another',
    remedy: 'leave `strategy` out',
  },
  WeightsDoNotRise: {
    cause: 'a weight is not greater than the one before it',
    remedy: 'list the weights in rising order, such as [10, 25, 50, 75, 100]',
  },
  WeightsEndEarly: {
    cause: 'the last weight is not 100, so the canary would never carry all requests',
    remedy: 'end the list with 100',
  },
  PatchTooLarge: {
    cause: '`podSecurity.patch` has too many characters or containers',
    remedy: 'patch only what the target SCC needs, and change the rest in the workload itself',
  },
  MetricSource: {
    cause: 'a metric gate sets several of `preset`, `query` and `web`, or none',
    remedy: 'set exactly one of them',
  },
  MetricWithoutBound: {
    cause: 'a metric gate has neither `min` nor `max`, so it can never fail',
    remedy: 'set `min`, `max` or both',
  },
  MetricBounds: { cause: 'the `min` of a metric gate is above its `max`', remedy: 'swap the two bounds' },
  GateCannotCompare: {
    cause: 'a gate with `relativeTo` has no second side, or its `query` asks the same of both',
    remedy: 'leave `relativeTo` out, or name the side by `$services` in the query',
  },
  GateNameRepeated: {
    cause: 'two gates have the same name; events and metrics refer to gates by name',
    remedy: 'give every gate a name of its own',
  },
  CookieLastsWrong: {
    cause: '`traffic.affinity.maxAge` is shorter than a minute or longer than a day',
    remedy: 'set 1m to 24h',
  },
  BakeTooLong: {
    cause: '`bake` would keep the canary and both grants for longer than a week',
    remedy: 'set 168h or less',
  },
  NotATime: {
    cause: '`schedule.notBefore` is not an RFC 3339 time',
    remedy: 'write a time with its offset, such as 2026-11-24T22:00:00Z',
  },
  UnknownTimeZone: {
    cause: 'a window names a time zone that does not exist',
    remedy: 'use a name of the IANA database, such as UTC or Europe/Vienna',
  },
  EmptyWindow: {
    cause: 'a window begins and ends at the same time',
    remedy: 'let it end later than it begins; a window may pass midnight',
  },
  NoWindow: {
    cause: 'no window of the plan and no gap between freezes is long enough for the migration',
    remedy: 'widen a window, or shorten the migration: fewer weights, shorter holds',
  },
  FieldIsFixed: {
    cause: 'the migration has begun, and the edited field no longer takes effect',
    remedy:
      'edit only `suspend`, `gates` (not `gates.jobs`) and `traffic.interval`; else delete the plan, which undoes it, and apply a new one',
  },
} satisfies CodeTexts;
