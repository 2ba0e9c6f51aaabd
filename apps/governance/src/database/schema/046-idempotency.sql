-- Answers to writes that their callers may send again. Written in the transaction of the write.

create table idempotency_key (
  principal text not null,
  key text not null check (length(key) between 1 and 255),
  -- SHA-256 of method, path and body.
  request_hash bytea not null check (octet_length(request_hash) = 32),
  -- json, not jsonb: an answer is given again as it was. Null when the answer has no body.
  answer json,
  created_at timestamptz not null default now(),
  primary key (principal, key)
);
create index idempotency_key_age on idempotency_key (created_at);

revoke all on idempotency_key from public, scc_app;
grant select, insert, delete on idempotency_key to scc_app;
