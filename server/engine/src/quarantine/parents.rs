//! Which rows would be without their parent: asked for many rows at once, before they go in.

use std::collections::BTreeSet;

use shared::assessment::{Catalog, ForeignKey};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::run::RunState;

use super::lane::Lane;
use crate::error::Result;
use crate::ident::{quote, quote_table};
use crate::load::ledger::RowForm;
use crate::load::{LoadColumn, LoadTable, Piece as _, Session};
use crate::map::target_name;
use crate::value::Value;

/// The keys that hold for rows of the table. Until a run is through, only those that the target
/// itself holds: the others are looked after at its end.
pub(super) fn keys(lane: &Lane, target: &Catalog, state: RunState) -> Vec<ForeignKey> {
    let held = target
        .table(&target_name(lane.engine, &lane.mapping.target))
        .filter(|_| lane.engine == Engine::Postgres)
        .map_or(&[][..], |table| table.foreign_keys.as_slice());
    let planned = lane.mapping.create.iter().flat_map(|shape| &shape.foreign_keys);
    let planned = planned.filter(|_| state == RunState::Completed);
    let mut keys: Vec<ForeignKey> = planned.cloned().collect();
    for key in held {
        if !keys.iter().any(|known| known.name == key.name) {
            keys.push(key.clone());
        }
    }
    keys
}

/// The places of those rows whose parent is not in the target, nor among the rows themselves
/// where a table refers to itself. Rows that the target cannot even read are named as well, since
/// their turn comes when they are written.
pub(super) async fn missing<S: Session>(
    session: &mut S,
    lane: &Lane,
    form: RowForm,
    key: &ForeignKey,
    rows: &[(usize, &[Value<'static>])],
) -> Result<BTreeSet<usize>> {
    let load = lane.load(form);
    let refers_to_itself = target_name(lane.engine, &key.references) == load.name;
    let mut names: Vec<&String> = key.columns.iter().collect();
    if refers_to_itself {
        names.extend(&key.referenced_columns);
    }
    names.sort_unstable();
    names.dedup();
    let columns: Vec<(usize, &LoadColumn)> = names
        .iter()
        .filter_map(|name| load.columns.iter().enumerate().find(|(_, c)| c.name == **name))
        .collect();
    if !key.columns.iter().all(|name| columns.iter().any(|(_, column)| column.name == *name)) {
        // A column that no row of the source fills refers to nothing.
        return Ok(BTreeSet::new());
    }
    let keys = KeyTable::make(session, load, &columns).await?;
    let mut piece = session.piece(&keys.table);
    for (place, row) in rows {
        let mut values = vec![Value::Int(i64::try_from(*place).unwrap_or(i64::MAX))];
        values.extend(columns.iter().map(|(at, _)| row[*at].clone()));
        // A value that has no form is refused when the row is written.
        let _ = piece.push(&values);
    }
    if piece.rows() > 0 {
        session.write(&keys.table, &piece).await?;
    }
    let missing = keys.without_parent(session, lane.engine, key, refers_to_itself).await?;
    keys.drop(session).await?;
    Ok(missing)
}

const NAME: &str = "transfuse_keys";
const PLACE: &str = "transfuse_place";

/// Keys of some rows, in a table of the session's own.
struct KeyTable {
    table: LoadTable,
}

impl KeyTable {
    async fn make<S: Session>(
        session: &mut S,
        load: &LoadTable,
        columns: &[(usize, &LoadColumn)],
    ) -> Result<Self> {
        let engine = session.engine();
        let schema = if engine == Engine::Postgres { "pg_temp" } else { "temp" };
        let names: Vec<String> =
            columns.iter().map(|(_, column)| quote(engine, &column.name)).collect();
        let sql = format!(
            "create temporary table {NAME} as
             select cast(0 as bigint) as {PLACE}, {} from {} where 1 = 0",
            names.join(", "),
            quote_table(engine, &load.name)
        );
        session.run_script(&sql).await?;
        let place = LoadColumn {
            name: PLACE.to_owned(),
            data_type: DataType::BigInt,
            is_enum: false,
            is_raw: false,
        };
        let columns = columns.iter().map(|(_, column)| (*column).clone());
        let table = LoadTable {
            name: shared::assessment::TableName::new(Some(schema), NAME),
            columns: std::iter::once(place).chain(columns).collect(),
        };
        Ok(Self { table })
    }

    async fn without_parent<S: Session>(
        &self,
        session: &mut S,
        engine: Engine,
        key: &ForeignKey,
        refers_to_itself: bool,
    ) -> Result<BTreeSet<usize>> {
        let present: Vec<String> = key
            .columns
            .iter()
            .map(|column| format!("child.{} is not null", quote(engine, column)))
            .collect();
        let has_none_in = |table: &str| {
            let equal: Vec<String> = key
                .columns
                .iter()
                .zip(&key.referenced_columns)
                .map(|(column, referenced)| {
                    let (column, referenced) = (quote(engine, column), quote(engine, referenced));
                    format!("parent.{referenced} = child.{column}")
                })
                .collect();
            format!("not exists (select 1 from {table} as parent where {})", equal.join(" and "))
        };
        let references = quote_table(engine, &target_name(engine, &key.references));
        let mut condition = format!("{} and {}", present.join(" and "), has_none_in(&references));
        if refers_to_itself {
            condition = format!("{condition} and {}", has_none_in(NAME));
        }
        let select = format!("select cast({PLACE} as text) from {NAME} as child where {condition}");
        let mut missing = BTreeSet::new();
        loop {
            let rows = session.fetch(&select, &[]).await?;
            let found =
                rows.iter().filter_map(|row| row.first()?.as_deref()?.parse::<usize>().ok());
            let before = missing.len();
            missing.extend(found);
            if missing.len() == before || !refers_to_itself {
                return Ok(missing);
            }
            // A row that stays behind is nobody's parent.
            let delete = format!(
                "delete from {NAME} where {PLACE} in
                 (select {PLACE} from {NAME} as child where {condition})"
            );
            session.run_script(&delete).await?;
        }
    }

    async fn drop<S: Session>(self, session: &mut S) -> Result<()> {
        session.run_script(&format!("drop table {NAME}")).await
    }
}
