-- What the callers of both sides met while a weight was held, beside the samples of the gates.
alter table view_gate add column sides jsonb;
