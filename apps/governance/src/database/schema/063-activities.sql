-- What the engine began and ended of each migration, which run of a workflow has it, and how it ended. An end counts only
-- when these receipts cover it.

create table migration_run (
  plan_uid text primary key references migration,
  workflow_id text not null,
  run_id text not null,
  way text not null check (way in ('forward', 'back')),
  -- The next run of the same workflow takes the migration over.
  handed_over boolean not null default false,
  taken_at timestamptz not null default now()
);

create table activity_begin (
  plan_uid text not null references migration,
  sequence integer not null check (sequence >= 0),
  workflow_id text not null,
  run_id text not null,
  activity_id text not null,
  activity text not null,
  way text not null check (way in ('forward', 'back')),
  weight integer,
  without_governance timestamptz,
  entry_id text not null,
  begun_at timestamptz not null default now(),
  done_at timestamptz,
  primary key (plan_uid, sequence),
  unique (plan_uid, workflow_id, run_id, activity_id)
);

create table activity_refusal (
  id bigint generated always as identity primary key,
  plan_uid text not null references migration,
  entry_id text not null,
  refused_at timestamptz not null default now()
);
create index activity_refusal_plan on activity_refusal (plan_uid, refused_at);

create table migration_end (
  id bigint generated always as identity primary key,
  plan_uid text not null references migration,
  phase text not null,
  workflow_id text not null,
  run_id text not null,
  sequence integer not null,
  -- Why the receipts do not cover it; null for the end that counts.
  untrusted text,
  entry_id text not null,
  ended_at timestamptz not null
);
create index migration_end_plan on migration_end (plan_uid, id);
create unique index migration_end_once on migration_end (plan_uid) where untrusted is null;

-- Ends from before there were receipts count as they were reported.
insert into migration_end (plan_uid, phase, workflow_id, run_id, sequence, entry_id, ended_at)
select distinct on (plan_uid) plan_uid, phase, workflow_id, run_id, sequence, entry_id, at
from migration_event where phase in ('Completed', 'RolledBack', 'Rejected')
order by plan_uid, recorded_at, sequence;

do $$
declare
  domain_table text;
begin
  foreach domain_table in array array['activity_refusal', 'migration_end'] loop
    execute format('revoke all on %I from public, scc_app', domain_table);
    execute format('grant select, insert on %I to scc_app', domain_table);
  end loop;
  revoke all on activity_begin, migration_run from public, scc_app;
  grant select, insert, update (done_at) on activity_begin to scc_app;
  grant select, insert, update on migration_run to scc_app;
end $$;
