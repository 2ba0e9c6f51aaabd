-- Emergency stops. One is in force until it is lifted; every step of a migration asks for it.

create table emergency_stop (
  id bigint generated always as identity primary key,
  -- Null: every namespace.
  namespace text,
  -- Migrations that have begun are undone; without it everything stays where it is.
  take_back boolean not null,
  reason text not null check (length(reason) >= 10),
  stopped_by text not null,
  stopped_at timestamptz not null,
  lifted_by text,
  lifted_at timestamptz,
  lift_reason text,
  check ((lifted_by is null) = (lifted_at is null) and (lifted_by is null) = (lift_reason is null))
);
create index emergency_stop_in_force on emergency_stop (id) where lifted_at is null;

revoke all on emergency_stop from public, scc_app;
grant select, insert on emergency_stop to scc_app;
grant update (lifted_by, lifted_at, lift_reason) on emergency_stop to scc_app;
