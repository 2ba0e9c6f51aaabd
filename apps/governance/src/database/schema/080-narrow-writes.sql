-- The role of the service changes only the columns that it has to. A new column that it changes needs its own grant.

revoke update on migration, workload_claim, command_grant, approval_request, approval_decision, outbox,
  scc_presence, scc_activation, policy_exception, policy_binding, calendar_entry from scc_app;
-- Read models are taken away and made again, never changed in place.
revoke update on view_migration, view_gate, view_weight, view_pod from scc_app;

grant update (author, evaluation) on migration to scc_app;
grant update (released_at) on workload_claim to scc_app;
grant update (used_at) on command_grant to scc_app;
grant update (status, reason, editors, decided_at, begun_at, version) on approval_request to scc_app;
grant update (withdrawn_at) on approval_decision to scc_app;
grant update (due_at, attempts, last_error, delivered_at, abandoned_at) on outbox to scc_app;
grant update (present_to) on scc_presence to scc_app;
grant update (deactivated_at, deactivated_by) on scc_activation to scc_app;
grant update (approved_by, approved_at, revoked_by, revoked_at, expired_at, row_version) on policy_exception to scc_app;
grant update (policy, version, action, parameters, namespaces, kinds, row_version, changed_by, changed_at)
  on policy_binding to scc_app;
grant update (kind, reason, namespaces, label_key, label_value, time_zone, recurrence, row_version, changed_by, changed_at)
  on calendar_entry to scc_app;

-- What was decided, taken back, used or ended once stays so.
create function refuse_second_ending() returns trigger language plpgsql as $$
begin
  raise exception '%: what is over does not begin again', tg_table_name using errcode = 'SA080';
end $$;

create trigger migration_author_stays before update on migration for each row
  when (old.author is not null and new.author is distinct from old.author)
  execute function refuse_second_ending();
create trigger command_grant_used before update on command_grant for each row
  when (old.used_at is not null) execute function refuse_second_ending();
create trigger approval_request_over before update on approval_request for each row
  when (old.status in ('refused', 'expired', 'withdrawn', 'closed') and new.status <> old.status
    or old.begun_at is not null and new.begun_at is distinct from old.begun_at)
  execute function refuse_second_ending();
create trigger approval_decision_withdrawn before update on approval_decision for each row
  when (old.withdrawn_at is not null) execute function refuse_second_ending();
create trigger policy_exception_over before update on policy_exception for each row
  when (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at
    or old.approved_at is not null and new.approved_at is distinct from old.approved_at
    or old.approved_by is not null and new.approved_by is distinct from old.approved_by)
  execute function refuse_second_ending();
