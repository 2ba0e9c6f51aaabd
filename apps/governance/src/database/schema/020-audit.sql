-- The audit log. Everything here is insert-only for the application: entries are appended in the transaction of the
-- change that they record, and one sealer puts them in order, hashes them into a Merkle tree and signs checkpoints.

create table audit_entry (
  id bigint generated always as identity primary key,
  entry_id text not null unique,
  -- RFC 8785 bytes. Not jsonb: that reorders members and drops duplicates, so the hash could not be recomputed.
  body bytea not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  -- Copies of members of the body, only to search by.
  occurred_at timestamptz not null,
  actor text not null,
  action text not null,
  object_kind text not null,
  object_namespace text,
  object_name text,
  request_id text,
  -- Identity values commit out of order, so "id > last" would miss entries. All transactions below the oldest running
  -- one have ended: below it nothing new can appear, and the sealer need not look there again.
  transaction_id bigint not null default (pg_current_xact_id()::text::bigint)
);
create index audit_entry_transaction on audit_entry (transaction_id, id);
create index audit_entry_occurred on audit_entry using brin (occurred_at) with (pages_per_range = 32, autosummarize = on);
create index audit_entry_actor on audit_entry (actor, id);
create index audit_entry_action on audit_entry (action, id);
create index audit_entry_object on audit_entry (object_kind, object_namespace, object_name, id);
create index audit_entry_request on audit_entry (request_id) where request_id is not null;

-- One row per sealer that ever held the log: the fence. Only the newest epoch may seal.
create table audit_epoch (
  epoch bigint generated always as identity primary key,
  holder text not null,
  acquired_at timestamptz not null default now()
);

create table audit_seal (
  index bigint primary key check (index >= 0),
  entry bigint not null unique,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  epoch bigint not null references audit_epoch (epoch)
);

create table audit_tile (
  level smallint not null check (level >= 0),
  index bigint not null check (index >= 0),
  hashes bytea not null check (octet_length(hashes) = 8192),
  root bytea not null check (octet_length(root) = 32),
  epoch bigint not null references audit_epoch (epoch),
  primary key (level, index)
);

create table audit_checkpoint (
  size bigint primary key check (size > 0),
  note text not null,
  -- The roots of the perfect subtrees of the right edge: all that the next sealer needs to go on.
  compact_range bytea not null,
  epoch bigint not null references audit_epoch (epoch),
  created_at timestamptz not null default now()
);

-- Public keys that ever signed, in their text form. The private keys live outside the database.
create table audit_key (
  vkey text primary key,
  added_at timestamptz not null default now()
);

create function audit_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only: % of % refused', tg_op, tg_table_name using errcode = 'SA001';
end $$;

-- Taking an epoch excludes every sealing transaction, so a sealer that was overtaken can not commit afterwards.
create function audit_take_epoch() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('audit_epoch ' || current_schema()));
  return new;
end $$;

create function audit_check_epoch() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(hashtext('audit_epoch ' || current_schema()));
  if new.epoch is distinct from (select max(epoch) from audit_epoch) then
    raise exception 'sealer epoch % was overtaken', new.epoch using errcode = 'SA002';
  end if;
  return new;
end $$;

-- A batch of seals continues the log without a gap, under the newest epoch.
create function audit_check_seals() returns trigger language plpgsql as $$
declare
  batch record;
begin
  perform pg_advisory_xact_lock_shared(hashtext('audit_epoch ' || current_schema()));
  select min(index) as first, max(index) as last, count(*) as rows, min(epoch) as low, max(epoch) as high
    into batch from added;
  if batch.rows = 0 then
    return null;
  end if;
  if batch.low <> batch.high or batch.high <> (select max(epoch) from audit_epoch) then
    raise exception 'sealer epoch % was overtaken', batch.low using errcode = 'SA002';
  end if;
  if batch.last - batch.first + 1 <> batch.rows
    or batch.first <> coalesce((select max(index) + 1 from audit_seal where index < batch.first), 0) then
    raise exception 'seals % to % leave a gap', batch.first, batch.last using errcode = 'SA003';
  end if;
  return null;
end $$;

create trigger audit_epoch_take before insert on audit_epoch for each statement execute function audit_take_epoch();
create trigger audit_seal_check after insert on audit_seal referencing new table as added
  for each statement execute function audit_check_seals();
create trigger audit_tile_check before insert on audit_tile for each row execute function audit_check_epoch();
create trigger audit_checkpoint_check before insert on audit_checkpoint for each row execute function audit_check_epoch();

-- Privileges stop the application; these stop an accident of the owner. A superuser passes both, and is found by verify.
do $$
declare
  log_table text;
begin
  foreach log_table in array array['audit_entry', 'audit_epoch', 'audit_seal', 'audit_tile', 'audit_checkpoint', 'audit_key'] loop
    execute format('create trigger %I before update or delete on %I for each row execute function audit_refuse_change()', log_table || '_no_change', log_table);
    execute format('create trigger %I before truncate on %I for each statement execute function audit_refuse_change()', log_table || '_no_truncate', log_table);
    execute format('alter table %I enable always trigger %I', log_table, log_table || '_no_change');
    execute format('alter table %I enable always trigger %I', log_table, log_table || '_no_truncate');
    execute format('revoke all on %I from public, scc_app', log_table);
    execute format('grant select, insert on %I to scc_app', log_table);
  end loop;
end $$;
