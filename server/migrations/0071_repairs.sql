-- What makes the differences that a verification found go away: tried out first, then done. The
-- single actions, with what each row was before, are in the target.
create table repairs (
    id text not null,
    verification_id text not null,
    run_id text not null,
    -- Which mismatches, as JSON.
    selection text not null,
    state text not null,
    requested_by text not null,
    requested_at bigint not null,
    -- The second person who agreed.
    approved_by text,
    ended_at bigint,
    -- What it would do, and once it was carried out, what it did; as JSON.
    outcome text,
    failure_code text,
    failure_message text,
    -- The verification that looked at the target afterwards.
    verified_by text,
    -- What taking it back came to, as JSON.
    taken_back text,
    -- The installation that works on it, and when it last said so.
    owner text,
    heartbeat_at bigint,
    constraint repairs_pk primary key (id),
    constraint repairs_verification_fk foreign key (verification_id) references verifications (id),
    constraint repairs_verified_by_fk foreign key (verified_by) references verifications (id),
    constraint repairs_state_check
        check (state in ('running', 'previewed', 'completed', 'failed', 'taken_back'))
);

create index repairs_verification_idx on repairs (verification_id, requested_at);
-- One at a time: two would write the same rows.
create unique index repairs_running_idx on repairs (run_id) where state = 'running';
