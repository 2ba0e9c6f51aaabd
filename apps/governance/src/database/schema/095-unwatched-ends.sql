-- Where the end of a workload's last pod was not watched: the last time at which one of them was seen.
alter table scc_activation
  add column deactivated_after timestamptz,
  add constraint scc_activation_unwatched check (deactivated_after < deactivated_at);
grant update (deactivated_after) on scc_activation to scc_app;
