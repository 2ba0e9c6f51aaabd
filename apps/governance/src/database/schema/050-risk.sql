-- The risk of migrations: models, which of them was in use when, what they said, and what became of it. All insert-only:
-- an assessment can be made again from its model and its signals for as long as both are there.

create table risk_model (
  -- 0 is the fixed weights; each learned model has the next number.
  id bigint primary key check (id >= 0),
  parent bigint references risk_model,
  feature_schema integer not null,
  kind text not null check (kind in ('fixed', 'learned')),
  -- json, not jsonb: numbers are kept as they were written, to the last digit.
  model json not null,
  -- The promotion that was in force when it was fitted: it challenges that champion and no later one.
  promotion bigint,
  -- The last outcome that it learned from.
  trained_to bigint,
  content_hash text not null unique,
  entry_id text not null,
  created_at timestamptz not null,
  check ((id = 0) = (kind = 'fixed')),
  check ((id = 0) = (parent is null)),
  check ((id = 0) = (promotion is null))
);

-- Which model was the champion from when on; the newest row is in force.
create table risk_promotion (
  id bigint generated always as identity primary key,
  model bigint not null references risk_model,
  previous bigint references risk_model,
  reason text not null check (length(reason) >= 10),
  evidence json not null,
  promoted_by text not null,
  entry_id text not null,
  promoted_at timestamptz not null,
  check (model <> previous)
);
alter table risk_model add foreign key (promotion) references risk_promotion;
create index risk_model_promotion on risk_model (promotion, id desc);

create table risk_assessment (
  id text primary key,
  plan_uid text not null references migration,
  namespace text not null,
  workload_kind text not null,
  workload_name text not null,
  source_scc text,
  target_scc text not null,
  model bigint not null references risk_model,
  promotion bigint not null references risk_promotion,
  signals json not null,
  x double precision[] not null,
  spread double precision[] not null,
  unknown text[] not null,
  mu double precision not null,
  change_risk double precision not null check (change_risk between 0 and 1),
  low double precision not null,
  high double precision not null check (low <= high),
  exposure double precision not null check (exposure between 0 and 1),
  band text not null check (band in ('low', 'medium', 'high', 'critical')),
  raised_by text not null check (raised_by in ('changeRisk', 'exposure', 'both')),
  contributions double precision[] not null,
  words text[] not null,
  cheapest_change text,
  -- What the challenger said at the same time, before anybody knew the outcome.
  challenger bigint references risk_model,
  challenger_risk double precision check (challenger_risk between 0 and 1),
  assessed_at timestamptz not null,
  check ((challenger is null) = (challenger_risk is null))
);
create index risk_assessment_plan on risk_assessment (plan_uid, assessed_at desc);
create index risk_assessment_workload on risk_assessment (namespace, workload_kind, workload_name, assessed_at desc);
create index risk_assessment_time on risk_assessment (assessed_at desc);

create table risk_outcome (
  id bigint generated always as identity primary key,
  plan_uid text not null unique references migration,
  assessment text references risk_assessment,
  -- Excluded outcomes teach nothing; the reason says why.
  label text not null check (label in ('failed', 'succeeded', 'excluded')),
  reason text not null,
  -- Whose outcome it is: one principal has only its share in what is learned.
  principal text not null,
  namespace text not null,
  workload_kind text,
  workload_name text,
  source_scc text,
  target_scc text,
  finished_at timestamptz not null,
  entry_id text not null,
  recorded_at timestamptz not null,
  check (label = 'excluded' or assessment is not null)
);
create index risk_outcome_finished on risk_outcome (finished_at) where label <> 'excluded';
create index risk_outcome_assessment on risk_outcome (assessment);
create index view_migration_ended on view_migration (finished_at) where outcome in ('completed', 'rolledBack');

do $$
declare
  domain_table text;
begin
  foreach domain_table in array array['risk_model', 'risk_promotion', 'risk_assessment', 'risk_outcome'] loop
    execute format('revoke all on %I from public, scc_app', domain_table);
    execute format('grant select, insert on %I to scc_app', domain_table);
  end loop;
end $$;
