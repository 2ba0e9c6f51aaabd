-- What was recorded once stays so, also in the tables that came later.

revoke update on migration_run from scc_app;
grant update (workflow_id, run_id, way, handed_over, taken_at) on migration_run to scc_app;
revoke update on tracked_pod from scc_app;
grant update (scc, scc_version, subject_type, image, node, owner_kind, owner_name, plan, last_seen, gone_at, confirmed)
  on tracked_pod to scc_app;

create trigger activity_begin_done before update on activity_begin for each row
  when (old.done_at is not null and new.done_at is distinct from old.done_at)
  execute function refuse_second_ending();
create trigger workload_claim_released before update on workload_claim for each row
  when (old.released_at is not null and new.released_at is distinct from old.released_at)
  execute function refuse_second_ending();
create trigger scc_presence_over before update on scc_presence for each row
  when (old.present_to is not null and new.present_to is distinct from old.present_to)
  execute function refuse_second_ending();
create trigger workload_scan_over before update on workload_scan for each row
  when (old.state <> 'running') execute function refuse_second_ending();
create trigger emergency_stop_lifted before update on emergency_stop for each row
  when (old.lifted_at is not null) execute function refuse_second_ending();
create trigger break_glass_reviewed before update on break_glass for each row
  when (old.reviewed_at is not null) execute function refuse_second_ending();
