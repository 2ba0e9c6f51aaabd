-- Scans of the cluster that were asked for, with the row of each workload. The newest ones are kept.

create table workload_scan (
  id bigint generated always as identity primary key,
  -- Null: every namespace.
  namespace text,
  target text,
  requested_by text not null,
  requested_at timestamptz not null,
  state text not null check (state in ('running', 'done', 'failed')),
  finished_at timestamptz,
  failure text,
  aim text,
  -- What is of no single workload: assumptions, changed defaults, what could not be read.
  notes jsonb,
  check ((state = 'running') = (finished_at is null)),
  check ((state = 'failed') = (failure is not null)),
  check ((state = 'done') = (notes is not null) and (state = 'done') = (aim is not null))
);
-- One at a time, of all replicas.
create unique index workload_scan_running on workload_scan (state) where state = 'running';

create table scanned_workload (
  scan bigint not null references workload_scan (id) on delete cascade,
  ordinal integer not null,
  namespace text not null,
  category text not null,
  current_scc text,
  captured boolean not null,
  refused boolean not null,
  report jsonb not null,
  primary key (scan, ordinal)
);

revoke all on workload_scan, scanned_workload from public, scc_app;
grant select, insert, delete on workload_scan, scanned_workload to scc_app;
grant update (state, finished_at, failure, aim, notes) on workload_scan to scc_app;
