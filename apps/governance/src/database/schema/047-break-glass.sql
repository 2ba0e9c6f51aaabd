-- Approvals that were not waited for. Each is reviewed by somebody else afterwards; until then it is an open matter.

create table break_glass (
  id bigint generated always as identity primary key,
  request bigint not null unique references approval_request,
  used_by text not null,
  reason text not null check (length(reason) >= 20),
  used_at timestamptz not null,
  reviewed_by text,
  reviewed_at timestamptz,
  review text,
  check (reviewed_by <> used_by),
  check ((reviewed_by is null) = (reviewed_at is null) and (reviewed_by is null) = (review is null))
);
create index break_glass_open on break_glass (id) where reviewed_at is null;

-- Breaking the glass is no way around four eyes.
create function break_glass_check_author() returns trigger language plpgsql as $$
begin
  if new.used_by = (select author from approval_request where id = new.request) then
    raise exception 'the author of a plan does not approve it' using errcode = 'SA010';
  end if;
  return new;
end $$;
create trigger break_glass_author before insert or update on break_glass
  for each row execute function break_glass_check_author();

revoke all on break_glass from public, scc_app;
grant select, insert on break_glass to scc_app;
grant update (reviewed_by, reviewed_at, review) on break_glass to scc_app;
