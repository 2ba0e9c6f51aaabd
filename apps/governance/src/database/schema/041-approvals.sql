-- Approvals are bound to what was evaluated: another content hash is another request.

create table approval_request (
  id bigint generated always as identity primary key,
  plan_uid text not null references migration,
  content_hash text not null,
  author text,
  -- [{role, count, reason}]
  needs jsonb not null,
  status text not null default 'pending' check (status in ('pending', 'granted', 'refused', 'expired', 'withdrawn')),
  reason text,
  requested_at timestamptz not null default now(),
  expires_at timestamptz not null,
  decided_at timestamptz,
  -- Counts every change; a decision made on a stale view does not commit.
  version integer not null default 1,
  check (expires_at > requested_at),
  check ((status = 'pending') = (decided_at is null))
);
create unique index approval_request_open on approval_request (plan_uid) where status in ('pending', 'granted');
create index approval_request_status on approval_request (status, requested_at desc, id desc);
create index approval_request_plan on approval_request (plan_uid, id desc);

create table approval_decision (
  id bigint generated always as identity primary key,
  request bigint not null references approval_request,
  approver text not null,
  role text not null,
  decision text not null check (decision in ('approve', 'refuse')),
  reason text,
  decided_at timestamptz not null default now(),
  withdrawn_at timestamptz
);
-- One person counts once, whatever roles they hold.
create unique index approval_decision_once on approval_decision (request, approver) where withdrawn_at is null;

-- The author of a plan never approves it, even if the code above this table forgets.
create function approval_check_author() returns trigger language plpgsql as $$
begin
  if new.decision = 'approve' and new.approver = (select author from approval_request where id = new.request) then
    raise exception 'the author of a plan does not approve it' using errcode = 'SA010';
  end if;
  return new;
end $$;
create trigger approval_author before insert or update on approval_decision
  for each row execute function approval_check_author();

-- Messages to running workflows, written in the transaction of the change that they tell of.
create table outbox (
  id bigint generated always as identity primary key,
  plan_uid text not null references migration,
  workflow_id text not null,
  signal text not null,
  payload jsonb not null,
  created_at timestamptz not null default now(),
  due_at timestamptz not null default now(),
  attempts integer not null default 0,
  last_error text,
  delivered_at timestamptz,
  -- Set when nobody is left to be told: the workflow is over or never existed.
  abandoned_at timestamptz
);
create index outbox_due on outbox (due_at, id) where delivered_at is null and abandoned_at is null;

revoke all on approval_request, approval_decision, outbox from public, scc_app;
grant select, insert, update on approval_request, approval_decision, outbox to scc_app;
