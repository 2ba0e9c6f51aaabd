-- The first page of the console asks for these, however many others there are.
create index view_migration_running on view_migration (started_at desc, plan_uid desc) where finished_at is null;
create index view_migration_undone on view_migration (started_at desc, plan_uid desc) where undo_cause is not null;
