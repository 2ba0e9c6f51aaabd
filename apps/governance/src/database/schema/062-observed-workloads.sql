-- What a workload runs under is observed on its pods; plans explain it and do not define it.

-- The content of its SCC when the pod was first seen; null while the registry had not seen the SCC.
alter table tracked_pod add column scc_version bigint;
create index tracked_pod_version on tracked_pod (scc_version, namespace) where gone_at is null;

-- changed: other pods were started without a plan. sccEdited: the SCC was edited, and the pods were started again since.
alter table scc_activation drop constraint scc_activation_reason_check;
alter table scc_activation add constraint scc_activation_reason_check
  check (reason in ('observed', 'migrated', 'restored', 'changed', 'sccEdited'));
