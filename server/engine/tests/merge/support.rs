//! A small clinic in which every kind of reference leads to a patient.

use std::sync::Arc;

use engine::clock::SystemClock;
use engine::error::Result;
use engine::load::postgres::PostgresSession;
use engine::load::sqlite::SqliteSession;
use engine::load::{PostgresTarget, Session, SqliteTarget, Target};
use engine::merge::target::{self, Hand, Place};
use engine::merge::{
    By, Decided, Golden, Merge, MergeState, Order, PersonRow, Survive, Surviving, TakenBack,
};
use engine::seal::Key;
use shared::connection::Engine;
use shared::duplicate::RecordId;
use shared::plan::{Duplicates, Plan};

pub(crate) const CLINIC: &str = "
create table clinic (id integer primary key, name text);
create table account (id integer primary key, email text unique, first_name text, note text);
create table patient (
    id integer primary key, code text not null, clinic_id integer not null references clinic (id),
    account_id integer references account (id), guardian_id integer references patient (id),
    born text, phone text, phone2 text, insured text, unique (clinic_id, code));
create table visit (id integer primary key, patient_id integer not null references patient (id),
    note text, cost double precision);
create table bill (id integer primary key, clinic_id integer, patient_code text, amount text,
    foreign key (clinic_id, patient_code) references patient (clinic_id, code));
create table allergy (patient_id integer not null references patient (id),
    substance text not null, severity text, primary key (patient_id, substance));
create table reaction (id integer primary key, patient_id integer not null,
    substance text not null, seen text,
    foreign key (patient_id, substance) references allergy (patient_id, substance));
create table consent (id integer primary key,
    patient_id integer not null unique references patient (id), given text);
create table consent_page (id integer primary key,
    consent_id integer not null references consent (id), page text);
create table log (patient_id integer references patient (id), what text);
create table login (id integer primary key, account_id integer not null references account (id));
";

/// A plan that is about these people and loads nothing here.
pub(crate) const PLAN: &str = "
format: 1
name: clinic
source: csv:.
target: sqlite:new.db
duplicates:
  table: patient
  when: on_request
  columns:
    given_name: account_id.first_name
    email: account_id.email
    birth_date: born
    phone: [phone, phone2]
  together: [account_id]
tables:
- source: patient
  key: [id]
  target: patient
  columns:
  - {target: id, source: id, type: integer}
  - {target: account_id, source: account_id, type: integer}
  - {target: born, source: born, type: text}
  - {target: phone, source: phone, type: text}
  - {target: phone2, source: phone2, type: text}
";

pub(crate) const KEY: [u8; 32] = [7; 32];

/// A target of one of the two kinds, with the clinic's tables.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) plan: Plan,
    session: tokio::sync::Mutex<AnySession>,
    _folder: tempfile::TempDir,
    _database: Option<testbed::Database>,
}

/// One connection for all that a test does itself.
enum AnySession {
    Postgres(PostgresSession),
    Sqlite(SqliteSession),
}

impl World {
    pub(crate) async fn new(engine: Engine, rows: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (url, database) = match engine {
            Engine::Postgres => {
                let database = testbed::postgres().create_database();
                (database.url().to_owned(), Some(database))
            }
            _ => (format!("sqlite:{}", folder.path().join("new.db").display()), None),
        };
        let plan = Plan::from_yaml(PLAN).expect("a plan");
        assert_eq!(plan.problems(), []);
        let session = if engine == Engine::Postgres {
            AnySession::Postgres(PostgresTarget::new(&url).session().await.expect("a session"))
        } else {
            let mut session = SqliteTarget::new(&url).session().await.expect("a session");
            session.run_script("pragma foreign_keys = on").await.expect("a setting");
            AnySession::Sqlite(session)
        };
        let world =
            Self { url, plan, session: session.into(), _folder: folder, _database: database };
        world.fill(rows).await;
        world
    }

    async fn fill(&self, rows: &str) {
        self.run(&format!("begin; {CLINIC} {rows} commit;")).await.expect("rows");
    }

    /// Begins again, with other rows.
    pub(crate) async fn reset(&self, rows: &str) {
        let everything = if self.url.starts_with("postgres") {
            "drop schema public cascade; create schema public;
             drop schema if exists transfuse cascade;"
                .to_owned()
        } else {
            let tables = self.ask("select name from sqlite_schema where type = 'table'").await;
            let drops = tables.iter().map(|table| format!("drop table {table};"));
            format!(
                "pragma foreign_keys = off; {} pragma foreign_keys = on;",
                drops.collect::<String>()
            )
        };
        self.run(&everything).await.expect("an empty target");
        self.fill(rows).await;
    }

    pub(crate) fn duplicates(&self) -> &Duplicates {
        self.plan.duplicates.as_ref().expect("a part about duplicates")
    }

    pub(crate) fn duplicates_mut(&mut self) -> &mut Duplicates {
        self.plan.duplicates.as_mut().expect("a part about duplicates")
    }

    fn place(&self) -> Place<'_> {
        Place { url: &self.url, plan: &self.plan, duplicates: self.duplicates() }
    }

    pub(crate) async fn run(&self, sql: &str) -> Result<()> {
        match &mut *self.session.lock().await {
            AnySession::Postgres(session) => session.run_script(sql).await,
            AnySession::Sqlite(session) => session.run_script(sql).await,
        }
    }

    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        let rows = match &mut *self.session.lock().await {
            AnySession::Postgres(session) => {
                // As rows of text, whatever the types are.
                let sql = format!(
                    "select array_to_string(array(select value from
                         json_each_text(row_to_json(q))), ' ', '-') from ({sql}) as q"
                );
                session.fetch(&sql, &[]).await
            }
            AnySession::Sqlite(session) => session.fetch(sql, &[]).await,
        };
        let text = |row: Vec<Option<String>>| {
            let cells = row.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
            cells.collect::<Vec<_>>().join(" ")
        };
        rows.unwrap().into_iter().map(text).collect()
    }

    /// Every row of every table that is not the engine's own, bit by bit.
    pub(crate) async fn dump(&self) -> Vec<String> {
        match &mut *self.session.lock().await {
            AnySession::Postgres(session) => dump(session).await,
            AnySession::Sqlite(session) => dump(session).await,
        }
    }

    pub(crate) async fn merge(&self, id: &str, members: &[i64], survive: Survive) -> Merge {
        self.merge_by(By::Person("Ada Example".to_owned()), id, members, survive).await
    }

    pub(crate) async fn merge_by(
        &self,
        by: By,
        id: &str,
        members: &[i64],
        survive: Survive,
    ) -> Merge {
        let order = Order {
            id: id.to_owned(),
            cluster: None,
            members: members.iter().map(|member| RecordId(member.to_string())).collect(),
            decision: Decided {
                by,
                at: chrono::DateTime::UNIX_EPOCH,
                basis: "looked at".to_owned(),
            },
        };
        let (orders, key) = ([order], Key::new(KEY));
        let done = target::merge(self.place(), &orders, survive, hand(&key), target::unasked());
        done.await.unwrap().remove(0)
    }

    /// A merge that is made, with the first of the members staying.
    #[track_caller]
    pub(crate) fn merged(&self, members: &[i64]) -> impl Future<Output = Merge> {
        let members = members.to_vec();
        async move {
            let id = format!("m{members:?}");
            let merge = self.merge(&id, &members, Arc::new(first_with_all)).await;
            assert_eq!(merge.refusal, None);
            assert_eq!(merge.state, MergeState::Applied);
            merge
        }
    }

    pub(crate) async fn take_back(&self, id: &str) -> Result<TakenBack> {
        let key = Key::new(KEY);
        let back = target::take_back(self.place(), id, hand(&key), target::unasked());
        back.await.map(|(_, found)| found)
    }

    pub(crate) async fn merges(&self) -> Vec<Merge> {
        target::merges(self.place(), None).await.unwrap()
    }

    pub(crate) async fn people(&self, ids: &[i64]) -> Vec<PersonRow> {
        let ids: Vec<_> = ids.iter().map(|id| RecordId(id.to_string())).collect();
        target::people(self.place(), &ids).await.unwrap()
    }
}

fn hand(key: &Key) -> Hand<'_> {
    Hand { key, clock: &SystemClock, by: "Ada Example" }
}

async fn dump<S: Session>(session: &mut S) -> Vec<String> {
    let catalog = session.catalog().await.unwrap();
    let mut all = Vec::new();
    for table in catalog.tables.iter().filter(|table| !table.name.name.starts_with("_transfuse")) {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| match session.engine() {
                Engine::Postgres => format!("{}::text", column.name),
                _ => format!("typeof({0}) || quote({0})", column.name),
            })
            .collect();
        let sql = format!("select {} from {}", columns.join(", "), table.name);
        for row in session.fetch(&sql, &[]).await.unwrap() {
            all.push(format!("{} {row:?}", table.name.name));
        }
    }
    all.sort();
    all
}

/// The first stays, and takes from the others whatever they have: the last one's word counts.
#[expect(clippy::unnecessary_wraps, reason = "the shape of a rule of survival")]
pub(crate) fn first_with_all(_: &Order, members: &[PersonRow]) -> Option<Golden> {
    let columns = members[0].values.len();
    let cells = (0..columns)
        .map(|column| {
            let last = members.iter().rposition(|member| member.values[column].is_some());
            last.map_or(Surviving::Own, |member| Surviving::Of { member, column })
        })
        .collect();
    Some(Golden { survivor: 0, ranking: (0..members.len()).collect(), cells })
}

/// Runs a test on either engine.
pub(crate) async fn on_both(rows: &str, test: impl AsyncFn(World)) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        test(World::new(engine, rows).await).await;
    }
}
