-- When the content of an SCC was last seen to be the same, and since when it was not looked at before it was another.
alter table scc_presence
  add column confirmed_at timestamptz,
  add column unseen_from timestamptz,
  add constraint scc_presence_unseen check (unseen_from <= present_from);
grant update (confirmed_at) on scc_presence to scc_app;
