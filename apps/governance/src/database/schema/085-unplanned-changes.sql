-- Who made a change that no plan explains, and mixtures that stay.

-- The field manager that wrote what the pods were started from, as the API server knows it.
alter table scc_activation add column manager text;

-- Writes that may lead to other pods, as admission saw them; the cluster may have refused one afterwards.
create table observed_write (
  id bigint generated always as identity primary key,
  -- Empty for an SCC.
  namespace text not null,
  kind text not null,
  name text not null,
  written_by text not null,
  written_at timestamptz not null
);
create index observed_write_object on observed_write (namespace, kind, name, written_at desc);
create index observed_write_time on observed_write (written_at);

-- Pods that ran beside others of their workload under a content that its entry does not name.
create table scc_mixture (
  activation bigint not null references scc_activation,
  -- The name of the SCC and its version.
  content text not null,
  since timestamptz not null,
  primary key (activation, content)
);

revoke all on observed_write, scc_mixture from public, scc_app;
grant select, insert, delete on observed_write to scc_app;
grant select, insert on scc_mixture to scc_app;
