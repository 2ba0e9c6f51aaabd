-- Pods that are gone, and messages that were delivered, are deleted after a while. The service's role deletes nothing
-- that is not over for a month.

alter table pod_transition drop constraint pod_transition_uid_fkey;
alter table pod_transition add constraint pod_transition_uid_fkey
  foreign key (uid) references tracked_pod on delete cascade;

create function refuse_early_deletion() returns trigger language plpgsql as $$
begin
  raise exception '%: what is not over for 30 days is kept', tg_table_name using errcode = 'SA098';
end $$;
create trigger tracked_pod_kept before delete on tracked_pod for each row
  when (old.gone_at is null or old.gone_at > now() - interval '30 days') execute function refuse_early_deletion();
create trigger outbox_kept before delete on outbox for each row
  when (coalesce(old.delivered_at, old.abandoned_at) is null
    or coalesce(old.delivered_at, old.abandoned_at) > now() - interval '30 days')
  execute function refuse_early_deletion();

grant delete on tracked_pod, outbox to scc_app;
