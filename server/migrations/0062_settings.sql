-- What an administrator sets for the installation: one row, once something was changed.
create table settings (
    id bigint not null,
    version bigint not null,
    document text not null,
    changed_at bigint not null,
    changed_by text not null,
    constraint settings_pk primary key (id),
    constraint settings_single_check check (id = 1)
);

-- Secrets that settings need, sealed with the installation's key.
create table setting_secrets (
    name text not null,
    sealed text not null,
    constraint setting_secrets_pk primary key (name)
);
