-- How a workload is moved, which its kind alone does not tell: null until the plan was checked.
alter table view_migration add column strategy text;
update view_migration v set strategy = (
  select e.event -> 'strategy' ->> 'type' from migration_event e
  where e.plan_uid = v.plan_uid and e.type = 'PlanValidated' order by e.at desc, e.sequence desc limit 1
);
