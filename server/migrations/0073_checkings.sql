-- The clinical checks of runs: who had them made, and what was counted. The numbers are in the target
-- as well; here they can be judged again under other thresholds without asking it.
create table checkings (
    id text not null,
    run_id text not null,
    state text not null,
    started_by text not null,
    started_at bigint not null,
    ended_at bigint,
    -- The one whose numbers were judged again; none where the databases were asked.
    numbers_of text,
    -- How many checks ended how, and each of them with its numbers, as JSON.
    counts text,
    outcome text,
    failure_code text,
    failure_message text,
    -- The installation that makes them.
    owner text,
    constraint checkings_pk primary key (id),
    constraint checkings_run_fk foreign key (run_id) references runs (id),
    constraint checkings_numbers_fk foreign key (numbers_of) references checkings (id),
    constraint checkings_state_check check (state in ('running', 'completed', 'failed'))
);

create index checkings_started_idx on checkings (started_at, id);
create index checkings_run_idx on checkings (run_id, started_at);
-- One at a time: two would count the same rows twice.
create unique index checkings_running_idx on checkings (run_id) where state = 'running';
