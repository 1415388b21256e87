-- Databases to read or write. The URL with its secret is sealed with the installation's key.
create table connections (
    id text not null,
    name text not null,
    role text not null,
    engine text not null,
    shown_url text not null,
    sealed_url text not null,
    created_at bigint not null,
    tested_at bigint,
    test_passed bigint,
    constraint connections_pk primary key (id),
    -- Plans refer to connections by name.
    constraint connections_name_key unique (name),
    constraint connections_role_check check (role in ('source', 'target'))
);

create index connections_created_idx on connections (created_at, id);
