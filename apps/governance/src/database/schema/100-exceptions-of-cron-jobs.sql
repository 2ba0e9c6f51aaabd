-- A plan moves a CronJob, too, and may need an exception.
alter table policy_exception drop constraint policy_exception_kind_check;
alter table policy_exception add constraint policy_exception_kind_check
  check (kind in ('Deployment', 'StatefulSet', 'DaemonSet', 'CronJob'));
