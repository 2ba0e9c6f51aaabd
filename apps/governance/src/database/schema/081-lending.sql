-- A right that the author of a plan lacks, lent by an approver who holds it; and for what a refused step waits, since a right
-- that is lost is waited for no longer than a while.

alter table approval_decision add column lends text[] not null default '{}';
alter table step_authorization add column waits_for text;
