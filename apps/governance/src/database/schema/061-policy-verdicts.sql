-- What policies said that did not stand in a plan's way: bindings that only warn or audit, and what an exception lifted.

create table policy_verdict (
  id bigint generated always as identity primary key,
  plan_uid text not null references migration,
  content_hash text not null,
  namespace text not null,
  name text not null,
  policy text not null,
  binding text not null,
  rule text not null,
  because text not null check (because in ('warn', 'audit', 'exception')),
  would text not null check (would in ('deny', 'requireApproval')),
  message text not null,
  -- The audit entry of the evaluation.
  entry_id text not null,
  evaluated_at timestamptz not null
);
-- Asking the same again says nothing new.
create unique index policy_verdict_once on policy_verdict (plan_uid, content_hash, binding, rule, because);
create index policy_verdict_time on policy_verdict (evaluated_at desc, id desc);

revoke all on policy_verdict from public, scc_app;
grant select, insert on policy_verdict to scc_app;
