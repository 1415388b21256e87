-- Who may sign in.
--
-- Every text of this folder runs on SQLite and on PostgreSQL. Times are microseconds since 1970
-- and truth values are 0 or 1: both engines, and sqlx's Any between them, agree on bigint.
create table users (
    id text not null,
    -- In lower case, so that one address is one account.
    email text not null,
    name text not null,
    role text not null,
    password_hash text not null,
    created_at bigint not null,
    constraint users_pk primary key (id),
    constraint users_email_key unique (email),
    constraint users_role_check check (role in ('admin', 'member', 'viewer'))
);
