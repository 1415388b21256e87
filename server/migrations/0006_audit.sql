-- Who did what. Rows are only ever added; each one's hash covers the one before it, so that a row
-- that was changed, removed or slipped in is found by `transfuse audit verify`.
create table audit_entries (
    number bigint not null,
    at bigint not null,
    actor text not null,
    actor_name text not null,
    action text not null,
    subject text not null,
    detail text,
    hash text not null,
    constraint audit_entries_pk primary key (number)
);

-- The end of the chain. Whoever adds an entry updates this row first, and so waits for the one
-- before: numbers have no gap and every hash has one successor.
create table audit_head (
    id bigint not null,
    number bigint not null,
    hash text not null,
    constraint audit_head_pk primary key (id),
    constraint audit_head_single_check check (id = 1)
);

insert into audit_head (id, number, hash) values (1, 0, '');
