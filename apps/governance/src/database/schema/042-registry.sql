-- Which SCCs the cluster had, with every distinct content as a version, and which workload ran under which one when.

create table scc_version (
  id bigint generated always as identity primary key,
  name text not null,
  -- SHA-256 of the canonical JSON of everything but server-written metadata.
  content_hash text not null,
  content jsonb not null,
  first_seen timestamptz not null,
  unique (name, content_hash)
);

-- When a version was the one in the cluster; the same content may come back.
create table scc_presence (
  id bigint generated always as identity primary key,
  name text not null,
  version bigint not null references scc_version,
  present_from timestamptz not null,
  present_to timestamptz,
  check (present_to >= present_from)
);
create unique index scc_presence_now on scc_presence (name) where present_to is null;
create index scc_presence_time on scc_presence (name, present_from desc);

create table scc_activation (
  id bigint generated always as identity primary key,
  namespace text not null,
  kind text not null,
  name text not null,
  scc text not null,
  -- Null when the registry had not seen the SCC at that time.
  scc_version bigint references scc_version,
  plan_uid text references migration,
  actor text,
  reason text not null check (reason in ('observed', 'migrated', 'restored')),
  -- The event that it comes from.
  source_key text not null unique,
  activated_at timestamptz not null,
  deactivated_at timestamptz,
  deactivated_by text,
  check (deactivated_at >= activated_at)
);
-- A workload runs under one SCC at a time.
create unique index scc_activation_now on scc_activation (namespace, kind, name) where deactivated_at is null;
create index scc_activation_time on scc_activation (namespace, kind, name, activated_at desc);
create index scc_activation_version on scc_activation (scc_version) where deactivated_at is null;

revoke all on scc_version, scc_presence, scc_activation from public, scc_app;
grant select, insert on scc_version to scc_app;
grant select, insert, update on scc_presence, scc_activation to scc_app;
