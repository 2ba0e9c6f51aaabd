-- Which way of folding made a view: only what this version made is compared with what it makes of the events.

alter table view_migration add column projection integer;
