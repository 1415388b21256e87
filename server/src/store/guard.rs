//! What keeps the audit trail append-only in the database itself, whoever speaks to it.
//!
//! Triggers are the one thing that SQLite and PostgreSQL do not write alike, so they are not in
//! the migrations. They are looked for at every opening and made where they are missing. Whoever
//! owns the database can take them away; what they then change is found by the chain of hashes.

use sqlx::{AnyConnection, AnyPool, Executor as _};

use super::StoreError;

const SQLITE: &[&str] = &[
    "create trigger if not exists audit_entries_stay before update on audit_entries
     begin select raise(abort, 'the audit trail is only ever added to'); end",
    "create trigger if not exists audit_entries_remain before delete on audit_entries
     begin select raise(abort, 'the audit trail is only ever added to'); end",
    "create trigger if not exists audit_head_advances before update on audit_head
     when new.number < old.number
     begin select raise(abort, 'the end of the audit trail does not go back'); end",
    "create trigger if not exists audit_head_remains before delete on audit_head
     begin select raise(abort, 'the audit trail is only ever added to'); end",
];

const POSTGRES: &[&str] = &[
    "create or replace function audit_is_append_only() returns trigger language plpgsql as $$
     begin raise exception 'the audit trail is only ever added to'; end $$",
    "create or replace function audit_head_goes_on() returns trigger language plpgsql as $$
     begin
         if new.number < old.number then
             raise exception 'the end of the audit trail does not go back';
         end if;
         return new;
     end $$",
    "create trigger audit_entries_stay before update or delete on audit_entries
     for each row execute function audit_is_append_only()",
    "create trigger audit_entries_remain before truncate on audit_entries
     for each statement execute function audit_is_append_only()",
    "create trigger audit_head_advances before update on audit_head
     for each row execute function audit_head_goes_on()",
    "create trigger audit_head_remains before delete on audit_head
     for each row execute function audit_is_append_only()",
    "create trigger audit_head_is_never_emptied before truncate on audit_head
     for each statement execute function audit_is_append_only()",
    // The owner's own rights as well: no statement of this program needs them.
    "revoke update, delete, truncate on audit_entries from current_user, public",
    "revoke delete, truncate on audit_head from current_user, public",
];

/// One server at a time looks and makes. The number is nobody else's.
const LOCK: &str = "select pg_advisory_xact_lock(7020664612)";

const MADE: &str = "select 1 from pg_trigger
    where tgname = 'audit_head_is_never_emptied' and tgrelid = 'audit_head'::regclass";

/// Sees to it that the triggers are there.
pub(super) async fn install(pool: &AnyPool, sqlite: bool) -> Result<(), StoreError> {
    let made = async {
        let mut tx = pool.begin().await?;
        if sqlite {
            run(&mut tx, SQLITE).await?;
        } else {
            tx.execute(LOCK).await?;
            if tx.fetch_optional(MADE).await?.is_none() {
                run(&mut tx, POSTGRES).await?;
            }
        }
        tx.commit().await
    };
    made.await.map_err(StoreError::while_doing("guarding the audit trail"))
}

async fn run(
    connection: &mut AnyConnection,
    statements: &[&'static str],
) -> Result<(), sqlx::Error> {
    for statement in statements {
        connection.execute(*statement).await?;
    }
    Ok(())
}

/// Takes the guard away, as whoever owns the database can.
#[cfg(test)]
pub(crate) async fn lift(store: &super::Store) {
    let is_sqlite = sqlx::query("select 1 from sqlite_master").fetch_optional(store.pool()).await;
    let statements: &[&str] = if is_sqlite.is_ok() {
        &[
            "drop trigger audit_entries_stay",
            "drop trigger audit_entries_remain",
            "drop trigger audit_head_advances",
            "drop trigger audit_head_remains",
        ]
    } else {
        &[
            "grant update, delete on audit_entries to current_user",
            "grant delete on audit_head to current_user",
            "alter table audit_entries disable trigger user",
            "alter table audit_head disable trigger user",
        ]
    };
    for statement in statements {
        store.pool().execute(*statement).await.expect("an owner's right");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::on_both;
    use shared::audit::AuditFilter;

    #[tokio::test]
    async fn the_database_itself_refuses_to_change_or_remove_an_entry() {
        on_both(async |store| {
            let insert = "insert into audit_entries
                    (number, at, actor, actor_name, action, subject, hash)
                values (1, 1, 'a', 'a', 'plan_saved', 'plan', 'x')";
            store.pool().execute(insert).await.unwrap();
            for tampering in [
                "update audit_entries set subject = 'other'",
                "delete from audit_entries",
                "update audit_head set number = number - 1",
                "delete from audit_head",
            ] {
                assert!(store.pool().execute(tampering).await.is_err(), "{tampering}");
            }

            let all = AuditFilter::default();
            let left = crate::store::audit::list_after(store.pool(), 0, &all, 9).await.unwrap();
            assert_eq!(left[0].subject, "plan");
        })
        .await;
    }

    #[tokio::test]
    async fn postgres_refuses_to_empty_the_trail_even_where_the_right_was_given_back() {
        let database = testbed::postgres().create_database();
        let address = crate::store::Address::parse(database.url()).unwrap();
        let store = crate::store::Store::open(&address).await.unwrap();

        store.pool().execute("grant all on audit_entries to current_user").await.unwrap();

        for tampering in ["truncate audit_entries", "truncate audit_head"] {
            assert!(store.pool().execute(tampering).await.is_err(), "{tampering}");
        }
        store.close().await;
    }
}
