-- Workers of other processes, by the queue whose chunks they take.
create table crew (
    queue text not null,
    worker text not null,
    -- Machine and process, for people.
    place text not null,
    -- How many chunks it copies at once; none when it could not take part.
    hands bigint not null,
    -- Why it could not.
    refusal_code text,
    -- Counts up while the worker lives.
    beats bigint not null,
    constraint crew_pk primary key (queue, worker)
);
