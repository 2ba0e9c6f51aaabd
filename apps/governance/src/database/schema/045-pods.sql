-- Which pod runs under which SCC, as admission hinted and the cluster confirmed.

create table tracked_pod (
  uid text primary key,
  namespace text not null,
  name text not null,
  scc text,
  subject_type text,
  image text,
  node text,
  owner_kind text,
  owner_name text,
  plan text,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  gone_at timestamptz,
  -- False while only admission has told of it: the pod may have been refused by somebody else afterwards.
  confirmed boolean not null,
  check (last_seen >= first_seen)
);
create index tracked_pod_scc on tracked_pod (scc, namespace, name, uid) where gone_at is null;
create index tracked_pod_place on tracked_pod (namespace, name, uid) where gone_at is null;
create index tracked_pod_owner on tracked_pod (namespace, owner_kind, owner_name, uid);
create index tracked_pod_gone on tracked_pod (gone_at) where gone_at is not null;

create table pod_transition (
  id bigint generated always as identity primary key,
  uid text not null references tracked_pod,
  at timestamptz not null,
  change text not null check (change in ('appeared', 'changed', 'gone')),
  from_scc text,
  to_scc text,
  node text
);
create index pod_transition_pod on pod_transition (uid, id);

revoke all on tracked_pod, pod_transition from public, scc_app;
grant select, insert, update on tracked_pod to scc_app;
grant select, insert on pod_transition to scc_app;
