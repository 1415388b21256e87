-- Where an act came from, how it went and why. Entries from before have none of it; what an entry
-- does not have takes no part in its hash, so the chain stays as it was.
alter table audit_entries add column role text;
alter table audit_entries add column address text;
alter table audit_entries add column outcome text not null default 'success';
alter table audit_entries add column reason text;

create index audit_entries_actor_idx on audit_entries (actor, number);
create index audit_entries_subject_idx on audit_entries (subject, number);
create index audit_entries_action_idx on audit_entries (action, number);
