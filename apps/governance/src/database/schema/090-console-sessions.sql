-- Sessions of the web console. The cookie holds the secret; the table holds its hash, and the token of the user sealed
-- under a key made from the secret, so that neither a copy of the table nor the service at rest can act as anybody.

create table console_session (
  id_hash bytea primary key check (octet_length(id_hash) = 32),
  subject text not null,
  sealed_token bytea not null check (octet_length(sealed_token) between 29 and 20000),
  created_at timestamptz not null default now(),
  used_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index console_session_subject on console_session (subject, created_at);
create index console_session_expiry on console_session (expires_at);

revoke all on console_session from public, scc_app;
grant select, insert, delete on console_session to scc_app;
grant update (used_at) on console_session to scc_app;
