-- When whoever works on something last said that they do, so that what a process left behind is found
-- though another one of the same installation, or of another, goes on.
alter table assessments add column heartbeat_at bigint;
alter table rehearsals add column heartbeat_at bigint;
alter table rollbacks add column heartbeat_at bigint;
alter table checkings add column heartbeat_at bigint;
alter table sign_offs add column heartbeat_at bigint;
alter table matchings add column heartbeat_at bigint;
