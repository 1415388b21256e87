//! A small legacy database, two connections and a plan between them.

use std::path::Path;

use serde_json::{Value, json};
use shared::route;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};

use super::{Client, TestApp};

/// How large the legacy database is, and how it is cut.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rows: u32,
    pub(crate) chunk_rows: u32,
}

/// A plan over a few rows, one of which has a name that the target does not take.
pub(crate) const SMALL: Size = Size { rows: 100, chunk_rows: 50 };

/// A plan of so many chunks that it can be stopped between two of them.
pub(crate) const SLOW: Size = Size { rows: 4_000, chunk_rows: 2 };

/// Saves a plan and gives its id.
pub(crate) async fn save_plan(app: &TestApp, client: &Client<'_>, size: Size) -> String {
    let legacy = app.folder.path().join("legacy.db");
    make_database(&legacy, size.rows).await;
    let modern = app.folder.path().join("modern.db");
    connect(client, "legacy", "source", &legacy).await;
    connect(client, "modern", "target", &modern).await;
    let reply = client.post(route::PLANS, &plan(size)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json()["id"].as_str().expect("an id").to_owned()
}

/// Starts a run of a plan and gives its id.
pub(crate) async fn start(client: &Client<'_>, plan: &str) -> String {
    let reply = client.post(route::RUNS, &json!({"plan_id": plan})).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.json()["id"].as_str().expect("an id").to_owned()
}

pub(crate) fn plan(size: Size) -> Value {
    json!({
        "format": 1,
        "name": "people",
        "source": "legacy",
        "target": "modern",
        "options": {"chunk_rows": size.chunk_rows, "batch_bytes": 65536, "workers": 1},
        "tables": [{
            "source": "person",
            "key": ["id"],
            "target": "person",
            "columns": [
                {"target": "id", "source": "id", "type": "bigint", "nullable": false},
                {"target": "born", "source": "born", "type": "date"}
            ],
            "create": {"primary_key": ["id"]}
        }]
    })
}

/// The person with the id 7 was born on no day.
async fn make_database(path: &Path, rows: u32) {
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut connection = SqliteConnection::connect(&url).await.expect("a SQLite file");
    let fill = format!(
        "create table person (id integer primary key, born text);
         with recursive n (i) as (select 1 union all select i + 1 from n where i < {rows})
         insert into person select i, '1980-01-01' from n;
         update person set born = 'Pseudonymia' where id = 7;"
    );
    connection.execute(AssertSqlSafe(fill)).await.expect("a filled table");
    connection.close().await.expect("a closed file");
}

async fn connect(client: &Client<'_>, name: &str, role: &str, path: &Path) {
    let url = format!("sqlite:{}", path.display());
    let body = json!({"name": name, "role": role, "url": url});
    let reply = client.post(route::CONNECTIONS, &body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
}
