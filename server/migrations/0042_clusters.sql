-- The people that a search found to be there more than once, and their records.
create table clusters (
    -- Names it in URLs; the other id is a record's, and may be any text.
    key text not null,
    matching_id text not null,
    id text not null,
    cohesion double precision not null,
    decision text not null
        constraint clusters_decision_check check (decision in ('match', 'review')),
    size bigint not null,
    constraint clusters_pk primary key (key),
    constraint clusters_matching_fk foreign key (matching_id) references matchings (id)
);

create index clusters_size_idx on clusters (matching_id, size, key);

create table cluster_members (
    cluster_key text not null,
    record_id text not null,
    constraint cluster_members_pk primary key (cluster_key, record_id),
    constraint cluster_members_cluster_fk foreign key (cluster_key) references clusters (key)
);

create index cluster_members_record_idx on cluster_members (record_id);
