-- What was asked to be undone, what that would do, and what it did. The truth about a run is in its
-- target; here is who asked for what, and when.
create table rollbacks (
    id text not null,
    -- No reference: a run of the command line is not in this store.
    run_id text not null,
    -- A document: the run, one of its tables, or a chunk.
    scope text not null,
    changed text not null,
    state text not null,
    requested_by text not null,
    requested_at bigint not null,
    ended_at bigint,
    -- What it would do, and once it was carried out, what it did; as JSON.
    outcome text,
    failure_code text,
    failure_message text,
    -- The installation that carries it out.
    owner text,
    constraint rollbacks_pk primary key (id),
    constraint rollbacks_state_check
        check (state in ('previewed', 'running', 'completed', 'failed')),
    constraint rollbacks_changed_check check (changed in ('leave', 'discard'))
);

create index rollbacks_requested_idx on rollbacks (requested_at, id);
create index rollbacks_run_idx on rollbacks (run_id, requested_at);
