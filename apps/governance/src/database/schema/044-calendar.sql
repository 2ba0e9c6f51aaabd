-- Freezes and maintenance windows, in the wall time of a zone.

create table calendar_entry (
  name text primary key,
  kind text not null check (kind in ('freeze', 'window')),
  reason text not null,
  namespaces text[] not null check (cardinality(namespaces) > 0),
  -- Only namespaces with this label, when set.
  label_key text,
  label_value text,
  time_zone text not null,
  -- {"type": "once", "from", "to"} or {"type": "weekly", "ranges": [{"days", "from", "to"}]}
  recurrence jsonb not null,
  row_version integer not null default 1,
  changed_by text not null,
  changed_at timestamptz not null default now(),
  check ((label_key is null) = (label_value is null))
);

revoke all on calendar_entry from public, scc_app;
grant select, insert, update, delete on calendar_entry to scc_app;

insert into calendar_entry (name, kind, reason, namespaces, label_key, label_value, time_zone, recurrence, changed_by)
values (
  'production-weekend',
  'freeze',
  'nobody watches production at the weekend',
  '{*}',
  'environment',
  'production',
  'UTC',
  '{"type": "weekly", "ranges": [
    {"days": ["Fri"], "from": "18:00", "to": "24:00"},
    {"days": ["Sat", "Sun"], "from": "00:00", "to": "24:00"},
    {"days": ["Mon"], "from": "00:00", "to": "06:00"}]}',
  'default'
);
