-- A kept answer carries a seal of governance: what anybody else wrote is given to nobody.

alter table idempotency_key add column seal bytea check (octet_length(seal) = 36);
