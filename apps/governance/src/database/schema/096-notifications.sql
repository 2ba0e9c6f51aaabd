-- Notifications. The sealed audit log is the outbox: it has every event in the transaction of the change, in an order
-- without gaps. A receiver has taken all that lies before its cursor; one message per event and receiver.

create table notification_receiver (
  name text primary key,
  type text not null check (type in ('webhook', 'slack')),
  -- Never a secret: those are files that are named here.
  url text,
  url_secret text,
  signing_secret text,
  namespaces text[] not null check (cardinality(namespaces) > 0),
  kinds text[] not null check (cardinality(kinds) > 0),
  template text,
  -- The index of the next seal of the log that it takes.
  cursor bigint not null check (cursor >= 0),
  row_version integer not null default 1,
  changed_by text not null,
  changed_at timestamptz not null default now(),
  check ((url is null) <> (url_secret is null))
);

create table notification_delivery (
  id bigint generated always as identity primary key,
  receiver text not null references notification_receiver (name) on delete cascade,
  -- The id of the audit entry.
  event text not null,
  kind text not null,
  namespace text,
  name text,
  created_at timestamptz not null default now(),
  due_at timestamptz not null default now(),
  attempts integer not null default 0,
  last_error text,
  delivered_at timestamptz,
  -- Set when it is not tried any more.
  dead_at timestamptz,
  unique (receiver, event),
  check (delivered_at is null or dead_at is null)
);
create index notification_delivery_due on notification_delivery (receiver, due_at, id)
  where delivered_at is null and dead_at is null;
create index notification_delivery_created on notification_delivery (created_at);

revoke all on notification_receiver, notification_delivery from public, scc_app;
grant select, insert, delete on notification_receiver, notification_delivery to scc_app;
grant update (type, url, url_secret, signing_secret, namespaces, kinds, template, cursor, row_version, changed_by, changed_at)
  on notification_receiver to scc_app;
grant update (due_at, attempts, last_error, delivered_at, dead_at) on notification_delivery to scc_app;
