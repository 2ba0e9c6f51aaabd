-- Approvals end with the migration they were for, count as long as the approver holds the role, and do not run out
-- under a migration that has begun.

-- closed: what it granted is over.
alter table approval_request drop constraint approval_request_status_check;
alter table approval_request add constraint approval_request_status_check
  check (status in ('pending', 'granted', 'refused', 'expired', 'withdrawn', 'closed'));
-- Set when a migration began under it.
alter table approval_request add column begun_at timestamptz;
-- Everybody who edited what the plan would do; none of them counts as a second pair of eyes.
alter table approval_request add column editors text[] not null default '{}';

-- As whom the approver was known: with it the role is asked again when a step runs.
alter table approval_decision add column known_as jsonb;

create or replace function approval_check_author() returns trigger language plpgsql as $$
begin
  if new.decision = 'approve' and exists (
    select from approval_request where id = new.request and (author = new.approver or new.approver = any(editors))
  ) then
    raise exception 'the author of a plan does not approve it' using errcode = 'SA010';
  end if;
  return new;
end $$;
