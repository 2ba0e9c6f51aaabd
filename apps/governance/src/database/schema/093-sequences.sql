-- Whether a sequence was set back or forward is compared with the rows that took its numbers.
do $$
begin
  execute format('grant select on all sequences in schema %I to scc_app', current_schema());
  execute format('alter default privileges in schema %I grant select on sequences to scc_app', current_schema());
end $$;
