-- Policies are versioned documents; bindings say where a version applies and what its verdicts do there.

create table policy_version (
  name text not null,
  version integer not null check (version > 0),
  -- json, not jsonb: a document is kept as it was written.
  document json not null,
  content_hash text not null,
  author text not null,
  created_at timestamptz not null default now(),
  primary key (name, version),
  unique (name, content_hash)
);

create table policy_binding (
  name text primary key,
  policy text not null,
  version integer not null,
  action text not null check (action in ('enforce', 'warn', 'audit')),
  parameters jsonb not null default '{}',
  namespaces text[] not null check (cardinality(namespaces) > 0),
  kinds text[] not null default '{}',
  row_version integer not null default 1,
  changed_by text not null,
  changed_at timestamptz not null default now(),
  foreign key (policy, version) references policy_version (name, version)
);

-- An exception lets one target pass one policy for a while; it counts once a second person agreed.
create table policy_exception (
  id bigint generated always as identity primary key,
  policy text not null,
  namespace text not null,
  kind text not null check (kind in ('Deployment', 'StatefulSet', 'DaemonSet')),
  name text not null,
  reason text not null check (length(reason) >= 10),
  requested_by text not null,
  requested_at timestamptz not null,
  expires_at timestamptz not null,
  approved_by text,
  approved_at timestamptz,
  revoked_by text,
  revoked_at timestamptz,
  -- Set when its expiry was written to the audit log.
  expired_at timestamptz,
  row_version integer not null default 1,
  check (expires_at > requested_at and expires_at <= requested_at + interval '90 days'),
  check (approved_by <> requested_by),
  check ((approved_by is null) = (approved_at is null)),
  check ((revoked_by is null) = (revoked_at is null))
);
create index policy_exception_target on policy_exception (namespace, kind, name, expires_at);
create index policy_exception_expiry on policy_exception (expires_at) where expired_at is null and revoked_at is null;

revoke all on policy_version, policy_binding, policy_exception from public, scc_app;
grant select, insert on policy_version to scc_app;
grant select, insert, update, delete on policy_binding to scc_app;
grant select, insert, update on policy_exception to scc_app;
