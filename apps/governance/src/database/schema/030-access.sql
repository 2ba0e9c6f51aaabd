-- Who may what: roles of users and groups. A binding is never changed: it is made and removed, and both are audited.

create table role_binding (
  id bigint generated always as identity primary key,
  role text not null
    check (role in ('viewer', 'operator', 'approver', 'policy-author', 'auditor', 'admin', 'engine')),
  subject_kind text not null check (subject_kind in ('User', 'Group')),
  subject_name text not null check (length(subject_name) between 1 and 256),
  -- A pattern; * stands for any number of characters.
  namespaces text not null check (namespaces ~ '^[-a-z0-9*]{1,63}$'),
  created_by text not null,
  created_at timestamptz not null default now(),
  unique (subject_kind, subject_name, role, namespaces)
);

-- Somebody can always repair access: the last binding that makes an admin of everything is not removed, whoever asks.
-- The lock puts removals in a row, so that two at once can not each count on the other.
create function role_binding_keep_admin() returns trigger language plpgsql as $$
begin
  if old.role = 'admin' and old.namespaces = '*' then
    perform pg_advisory_xact_lock(hashtext('role_binding ' || current_schema()));
    if not exists (select from role_binding where role = 'admin' and namespaces = '*' and id <> old.id) then
      raise exception 'the last admin is not removed' using errcode = 'SA020';
    end if;
  end if;
  return old;
end $$;
create trigger role_binding_admin before delete on role_binding
  for each row execute function role_binding_keep_admin();

revoke all on role_binding from public, scc_app;
grant select, insert, delete on role_binding to scc_app;
