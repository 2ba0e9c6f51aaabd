-- Edits of running plans that let more pass than what was evaluated. One takes effect when it is allowed: at once where
-- nobody had to approve, else when what it makes of the plan is approved.

create table live_edit (
  id bigint generated always as identity primary key,
  plan_uid text not null references migration,
  generation integer not null,
  content_hash text not null,
  -- json, not jsonb: a snapshot is kept as it was sent.
  parts json not null,
  -- Each way in which it loosens, in words; none where an earlier one was taken back.
  loosened text[] not null,
  -- [{role, count, reason}]
  needs jsonb not null,
  edited_at timestamptz not null
);
create index live_edit_plan on live_edit (plan_uid, id desc);

revoke all on live_edit from public, scc_app;
grant select, insert on live_edit to scc_app;
