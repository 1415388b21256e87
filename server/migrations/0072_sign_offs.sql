-- People drawn from a run, whom somebody compares by eye before the run is believed.
create table sign_offs (
    id text not null,
    run_id text not null,
    -- The table of the target in which each row is a person.
    people text not null,
    size bigint not null,
    seed bigint not null,
    state text not null,
    requested_by text not null,
    requested_at bigint not null,
    -- How many people each stratum has and how many were drawn of it, as JSON.
    strata text not null,
    signed_by text,
    signed_at bigint,
    failure_code text,
    failure_message text,
    -- The installation that draws.
    owner text,
    constraint sign_offs_pk primary key (id),
    constraint sign_offs_run_fk foreign key (run_id) references runs (id),
    constraint sign_offs_state_check check (state in ('drawing', 'open', 'signed', 'failed'))
);

create index sign_offs_requested_idx on sign_offs (requested_at, id);
create index sign_offs_run_idx on sign_offs (run_id, requested_at);

-- Who was drawn. Where their row lies, and why they were judged as they were, is sealed with the
-- installation's key: nothing here can be read as a value of theirs.
create table sign_off_people (
    sign_off_id text not null,
    number bigint not null,
    stratum text not null,
    sealed_handle text not null,
    judgement text,
    sealed_reason text,
    judged_by text,
    judged_at bigint,
    constraint sign_off_people_pk primary key (sign_off_id, number),
    constraint sign_off_people_sign_off_fk foreign key (sign_off_id) references sign_offs (id),
    constraint sign_off_people_judgement_check check (judgement in ('accepted', 'rejected'))
);

-- Who looked at whom: nobody judges what they have not seen.
create table sign_off_looks (
    sign_off_id text not null,
    number bigint not null,
    user_id text not null,
    looked_at bigint not null,
    constraint sign_off_looks_pk primary key (sign_off_id, number, user_id),
    constraint sign_off_looks_person_fk foreign key (sign_off_id, number)
        references sign_off_people (sign_off_id, number)
);
