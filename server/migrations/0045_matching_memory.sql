-- What the next search among the same people needs to compare only what changed: part 0 says which
-- blocks were divided, the other parts hold a keyed digest of 64 bits for every record, in base 64.
-- Only the latest search keeps one.
create table matching_memory (
    matching_id text not null,
    part bigint not null,
    content text not null,
    constraint matching_memory_pk primary key (matching_id, part),
    constraint matching_memory_matching_fk foreign key (matching_id) references matchings (id)
);
