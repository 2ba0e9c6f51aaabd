-- What the engine asked, was told, and reported. Questions, answers, events and pre-images are insert-only and
-- authoritative; the tables named view_* are a projection of the events and can be dropped and rebuilt.

create table migration (
  plan_uid text primary key,
  namespace text not null,
  name text not null,
  author text,
  -- The newest request that governance answered; what the plan runs under.
  evaluation bigint,
  created_at timestamptz not null default now()
);
create index migration_plan on migration (namespace, name, created_at desc);

create table evaluation (
  id bigint generated always as identity primary key,
  plan_uid text not null references migration,
  generation integer not null,
  content_hash text not null,
  policy_revision text not null,
  verdict text not null check (verdict in ('allow', 'deny', 'requireApproval', 'wait')),
  -- json, not jsonb: a snapshot is kept as it was sent.
  request json not null,
  answer json not null,
  entry_id text not null,
  evaluated_at timestamptz not null
);
alter table migration add foreign key (evaluation) references evaluation;
create index evaluation_plan on evaluation (plan_uid, id desc);
create index evaluation_time on evaluation (evaluated_at desc);

-- One active migration per workload, whatever else goes wrong.
create table workload_claim (
  id bigint generated always as identity primary key,
  plan_uid text not null references migration,
  namespace text not null,
  kind text not null,
  name text not null,
  claimed_at timestamptz not null default now(),
  released_at timestamptz,
  check (released_at >= claimed_at)
);
create unique index workload_claim_active on workload_claim (namespace, kind, name) where released_at is null;
create unique index workload_claim_plan on workload_claim (plan_uid) where released_at is null;

create table step_authorization (
  id bigint generated always as identity primary key,
  plan_uid text not null references migration,
  step text not null,
  content_hash text not null,
  detail text not null,
  allowed boolean not null,
  reason text not null,
  entry_id text not null,
  decided_at timestamptz not null default now()
);
create index step_authorization_plan on step_authorization (plan_uid, id);

create table migration_event (
  plan_uid text not null references migration,
  workflow_id text not null,
  run_id text not null,
  sequence integer not null check (sequence >= 0),
  phase text not null,
  type text not null,
  at timestamptz not null,
  event json not null,
  entry_id text not null,
  recorded_at timestamptz not null default now(),
  primary key (workflow_id, run_id, sequence)
);
create index migration_event_plan on migration_event (plan_uid, run_id, sequence);

-- The first image of an object is what an undo restores, so a later one never replaces it.
create table pre_image (
  plan_uid text not null references migration,
  key text not null,
  ordinal integer not null,
  workflow_id text not null,
  manifest json,
  recorded_at timestamptz not null default now(),
  primary key (plan_uid, key)
);

-- Single-use proof that an authenticated caller wants a command; only its hash is stored.
create table command_grant (
  token_hash bytea primary key check (octet_length(token_hash) = 32),
  plan_uid text not null references migration,
  command text not null,
  actor text not null,
  reason text,
  expires_at timestamptz not null,
  used_at timestamptz
);

create table view_migration (
  plan_uid text primary key references migration,
  namespace text not null,
  name text not null,
  phase text not null,
  message text not null,
  source_scc text,
  target_scc text,
  author text,
  workload_kind text,
  workload_name text,
  risk_band text,
  change_risk double precision,
  exposure double precision,
  weight integer not null,
  waiting_for text,
  outcome text,
  undo_cause text,
  traffic jsonb,
  workflow_id text,
  run_id text,
  -- The time of the first event never changes, so that pages by it are stable.
  started_at timestamptz not null,
  finished_at timestamptz,
  updated_at timestamptz not null,
  events integer not null
);
create index view_migration_started on view_migration (started_at desc, plan_uid desc);
create index view_migration_phase on view_migration (phase, started_at desc, plan_uid desc);
create index view_migration_namespace on view_migration (namespace, started_at desc, plan_uid desc);
create index view_migration_workload on view_migration (namespace, workload_kind, workload_name, finished_at);

create table view_gate (
  plan_uid text not null references migration,
  position integer not null,
  gate text not null,
  verdict text not null,
  value double precision,
  detail text not null,
  weight integer not null,
  at timestamptz not null,
  primary key (plan_uid, position)
);
create table view_weight (
  plan_uid text not null references migration,
  position integer not null,
  canary integer not null,
  stable integer not null,
  verified_by text not null,
  at timestamptz not null,
  primary key (plan_uid, position)
);
create table view_pod (
  plan_uid text not null references migration,
  pod_uid text not null,
  name text not null,
  node text,
  role text not null check (role in ('before', 'canary', 'after')),
  scc text,
  at timestamptz not null,
  primary key (plan_uid, pod_uid, role)
);

do $$
declare
  domain_table text;
begin
  foreach domain_table in array array['evaluation', 'step_authorization', 'migration_event', 'pre_image'] loop
    execute format('revoke all on %I from public, scc_app', domain_table);
    execute format('grant select, insert on %I to scc_app', domain_table);
  end loop;
  foreach domain_table in array array['migration', 'workload_claim', 'command_grant'] loop
    execute format('revoke all on %I from public, scc_app', domain_table);
    execute format('grant select, insert, update on %I to scc_app', domain_table);
  end loop;
  foreach domain_table in array array['view_migration', 'view_gate', 'view_weight', 'view_pod'] loop
    execute format('revoke all on %I from public, scc_app', domain_table);
    execute format('grant select, insert, update, delete on %I to scc_app', domain_table);
  end loop;
end $$;
