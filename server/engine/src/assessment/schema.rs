//! Whether the target has, or gets, what the source has and the plan shapes, thing by thing.

use std::collections::BTreeMap;

use shared::assessment::{
    Catalog, ForeignKey, Index, SchemaItem, SchemaKind, SchemaState, Table, TableName,
};
use shared::connection::Engine;
use shared::data_type::DataType;
use shared::plan::{Plan, TableMapping, TableShape};

use super::connection::{SourceSide, TargetSide};
use super::target;
use crate::assess::ask::{Asked, text};
use crate::error::Result;
use crate::ident::{literal, quote, quote_list, quote_table};
use crate::load::schema::{before_load, indexes};
use crate::map::{source_table, target_name};

/// What a catalog does not tell.
#[derive(Debug, Default)]
struct Facts {
    /// Views, each with its statement where that means the same in the target.
    views: Vec<(TableName, Option<String>)>,
    triggers: Vec<(TableName, String)>,
    checks: Vec<(TableName, String, Option<String>)>,
    row_security: Vec<TableName>,
}

pub(super) async fn compare(
    plan: &Plan,
    source: &mut SourceSide,
    to: &mut TargetSide,
) -> Result<Vec<SchemaItem>> {
    let from = facts(&mut source.asked).await?;
    let there = match &mut to.asked {
        Some(asked) => facts(asked).await?,
        None => Facts::default(),
    };
    let mut compared = Compared {
        plan,
        source: &source.catalog,
        target: &to.catalog,
        from: &from,
        there: &there,
        items: Vec::new(),
    };
    for mapping in &plan.tables {
        compared.table(mapping);
    }
    compared.views_and_triggers();
    let mut items = compared.items;
    if let Some(asked) = &mut to.asked {
        for behind in target::sequences(asked, plan, &to.catalog).await? {
            items.push(SchemaItem {
                kind: SchemaKind::Sequence,
                table: behind.table,
                name: behind.column,
                state: SchemaState::Changed,
                detail: Some(format!("{} behind the largest value", behind.values)),
                statement: Some(behind.statement),
            });
        }
    }
    Ok(items)
}

struct Compared<'a> {
    plan: &'a Plan,
    source: &'a Catalog,
    target: &'a Catalog,
    from: &'a Facts,
    there: &'a Facts,
    items: Vec<SchemaItem>,
}

/// What is held against the target.
struct Thing {
    kind: SchemaKind,
    name: String,
    statement: Option<String>,
}

impl Thing {
    fn new(
        kind: SchemaKind,
        name: impl Into<String>,
        statement: impl Into<Option<String>>,
    ) -> Self {
        Self { kind, name: name.into(), statement: statement.into() }
    }
}

impl Compared<'_> {
    fn add(&mut self, table: &TableName, thing: Thing, state: SchemaState, detail: Option<String>) {
        let Thing { kind, name, statement } = thing;
        // What is as it should be needs no mending.
        let mends = matches!(state, SchemaState::Changed | SchemaState::Missing);
        let statement = statement.filter(|_| mends);
        self.items.push(SchemaItem { kind, table: table.clone(), name, state, detail, statement });
    }

    fn engine(&self) -> Engine {
        self.target.engine
    }

    fn table(&mut self, mapping: &TableMapping) {
        let name = target_name(self.engine(), &mapping.target);
        let there = self.target.table(&name);
        let nothing = TableShape::default();
        let shape = mapping.create.as_ref().unwrap_or(&nothing);
        if let Some(table) = there {
            let thing = Thing::new(SchemaKind::Table, "", None);
            self.add(&name, thing, SchemaState::Present, None);
            self.columns(&name, table, mapping, shape);
            self.shaped(&name, table, mapping, shape);
        } else {
            let state = match mapping.create {
                Some(_) => SchemaState::ToBeMade,
                None => SchemaState::Missing,
            };
            let made = before_load(self.plan, self.target).into_iter();
            let made = made.rev().find(|made| made.name == name.to_string());
            let thing = Thing::new(SchemaKind::Table, "", made.map(|made| made.sql));
            self.add(&name, thing, state, None);
        }
        self.of_source(&name, there, mapping, shape);
    }

    fn columns(
        &mut self,
        name: &TableName,
        table: &Table,
        mapping: &TableMapping,
        shape: &TableShape,
    ) {
        let engine = self.engine();
        let of = quote_table(engine, name);
        let mapped = mapping.columns.iter().map(|column| {
            (&column.target, &column.data_type, column.nullable, column.default.as_ref())
        });
        let more = shape.more_columns.iter().map(|column| {
            (&column.name, &column.data_type, column.nullable, column.default.as_ref())
        });
        let wanted: Vec<_> = mapped.chain(more).collect();
        for (column, data_type, nullable, default) in wanted {
            let quoted = quote(engine, column);
            let Some(there) = table.column(column) else {
                let sql = format!("alter table {of} add column {quoted} {data_type}");
                let thing = Thing::new(SchemaKind::Column, column, sql);
                self.add(name, thing, SchemaState::Missing, None);
                continue;
            };
            // Without a shape the table is somebody else's, and so are its types.
            let is_ours = mapping.create.is_some() && engine == Engine::Postgres;
            let (state, detail, sql) = if is_ours && !is_same_type(&there.data_type, data_type) {
                let sql = format!("alter table {of} alter column {quoted} type {data_type}");
                let detail = format!("is {} and not {data_type}", there.data_type);
                (SchemaState::Changed, Some(detail), Some(sql))
            } else if is_ours && !nullable && there.nullable {
                let sql = format!("alter table {of} alter column {quoted} set not null");
                (SchemaState::Changed, Some("takes nulls".to_owned()), Some(sql))
            } else {
                (SchemaState::Present, None, None)
            };
            self.add(name, Thing::new(SchemaKind::Column, column, sql), state, detail);
            if let Some(default) = default.filter(|_| is_ours) {
                let sql = format!("alter table {of} alter column {quoted} set default {default}");
                let has_one = there.default.is_some() || there.identity || there.generated;
                let state = if has_one { SchemaState::Present } else { SchemaState::Missing };
                self.add(name, Thing::new(SchemaKind::Default, column, sql), state, None);
            }
        }
    }

    /// Keys, indexes, conditions and the comment that the plan gives a table that is there.
    fn shaped(
        &mut self,
        name: &TableName,
        table: &Table,
        mapping: &TableMapping,
        shape: &TableShape,
    ) {
        let engine = self.engine();
        let of = quote_table(engine, name);
        if !shape.primary_key.is_empty() {
            let sql = format!(
                "alter table {of} add primary key ({})",
                quote_list(engine, &shape.primary_key)
            );
            let (state, detail) = if table.primary_key == shape.primary_key {
                (SchemaState::Present, None)
            } else if table.primary_key.is_empty() {
                (SchemaState::Missing, None)
            } else {
                let detail = format!("is ({})", table.primary_key.join(", "));
                (SchemaState::Changed, Some(detail))
            };
            let thing = Thing::new(SchemaKind::PrimaryKey, shape.primary_key.join(", "), sql);
            self.add(name, thing, state, detail);
        }
        let statements: BTreeMap<String, String> = indexes(engine, mapping).into_iter().collect();
        for index in shape.indexes.iter().filter(|index| !index.columns.is_empty()) {
            let sql = statements
                .get(&index.name)
                .cloned()
                .unwrap_or_else(|| create_index(engine, &of, index));
            let state = state_of(has_index(table, &index.columns, index.unique));
            self.add(name, Thing::new(SchemaKind::Index, &index.name, sql), state, None);
        }
        for key in &shape.foreign_keys {
            let sql = add_foreign_key(engine, &of, key);
            let state = state_of(has_foreign_key(engine, table, &key.columns, &key.references));
            self.add(name, Thing::new(SchemaKind::ForeignKey, &key.name, sql), state, None);
        }
        if engine != Engine::Postgres {
            return;
        }
        for (check, condition) in &shape.checks {
            let is_there =
                self.there.checks.iter().any(|(table, known, _)| table == name && known == check);
            let sql = format!(
                "alter table {of} add constraint {} check ({condition})",
                quote(engine, check)
            );
            self.add(name, Thing::new(SchemaKind::Check, check, sql), state_of(is_there), None);
        }
        if let Some(comment) = &shape.comment {
            let sql = format!("comment on table {of} is {}", literal(engine, comment));
            let (state, detail) = match &table.comment {
                Some(there) if there == comment => (SchemaState::Present, None),
                Some(_) => (SchemaState::Changed, Some("says something else".to_owned())),
                None => (SchemaState::Missing, None),
            };
            self.add(name, Thing::new(SchemaKind::Comment, "", sql), state, detail);
        }
    }

    /// What the source's table has and neither the plan nor the target knows.
    fn of_source(
        &mut self,
        name: &TableName,
        there: Option<&Table>,
        mapping: &TableMapping,
        shape: &TableShape,
    ) {
        let Some(from) = source_table(self.source, &mapping.source) else { return };
        if mapping.query.is_some() {
            return;
        }
        let engine = self.engine();
        let of = quote_table(engine, name);
        let mapped = |columns: &[String]| renamed(mapping, columns);
        if let Some(columns) = mapped(&from.primary_key).filter(|columns| !columns.is_empty()) {
            let is_kept = shape.primary_key == columns
                || shape.indexes.iter().any(|index| index.unique && same(&index.columns, &columns))
                || there.is_some_and(|table| has_index(table, &columns, true));
            if !is_kept {
                let index = named_index(name, &columns, true);
                let sql = create_index(engine, &of, &index);
                let thing = Thing::new(SchemaKind::PrimaryKey, columns.join(", "), sql);
                let detail = "the source's primary key is no key here".to_owned();
                self.add(name, thing, SchemaState::Missing, Some(detail));
            }
        }
        for index in &from.indexes {
            let Some(columns) = mapped(&index.columns).filter(|columns| !columns.is_empty()) else {
                continue;
            };
            let covers = |known: &[String]| {
                // A longer index that begins alike serves as well, save to tell rows apart.
                if index.unique { same(known, &columns) } else { known.starts_with(&columns) }
            };
            let mut known =
                shape.indexes.iter().chain(there.iter().flat_map(|table| &table.indexes));
            let is_kept = covers(&shape.primary_key)
                || there.is_some_and(|table| covers(&table.primary_key))
                || known.any(|known| (known.unique || !index.unique) && covers(&known.columns));
            if !is_kept {
                let new = named_index(name, &columns, index.unique);
                let sql = create_index(engine, &of, &new);
                let thing = Thing::new(SchemaKind::Index, &index.name, sql);
                self.add(name, thing, SchemaState::Missing, None);
            }
        }
        for key in &from.foreign_keys {
            self.source_key(name, there, mapping, shape, key);
        }
        if engine == Engine::Postgres {
            self.source_words(name, there, mapping, shape, from);
        }
    }

    fn source_key(
        &mut self,
        name: &TableName,
        there: Option<&Table>,
        mapping: &TableMapping,
        shape: &TableShape,
        key: &ForeignKey,
    ) {
        let engine = self.engine();
        let Some(columns) = renamed(mapping, &key.columns) else { return };
        // A parent that is left behind or taken apart has nothing to refer to.
        let parent = self.plan.tables.iter().find(|other| {
            other.query.is_none()
                && source_table(self.source, &other.source)
                    .is_some_and(|table| Some(table) == source_table(self.source, &key.references))
        });
        let Some(parent) = parent else { return };
        let Some(referenced_columns) = renamed(parent, &key.referenced_columns) else { return };
        let is_kept = shape.foreign_keys.iter().any(|known| known.columns == columns)
            || there.is_some_and(|table| table.foreign_keys.iter().any(|it| it.columns == columns));
        if !is_kept {
            let new = ForeignKey {
                columns,
                referenced_columns,
                references: target_name(engine, &parent.target),
                ..key.clone()
            };
            let sql = add_foreign_key(engine, &quote_table(engine, name), &new);
            let thing = Thing::new(SchemaKind::ForeignKey, &key.name, sql);
            self.add(name, thing, SchemaState::Missing, None);
        }
    }

    /// Conditions, comments and policies of the source's table.
    fn source_words(
        &mut self,
        name: &TableName,
        there: Option<&Table>,
        mapping: &TableMapping,
        shape: &TableShape,
        from: &Table,
    ) {
        let engine = self.engine();
        let of = quote_table(engine, name);
        let checks = self.from.checks.iter().filter(|(table, ..)| *table == from.name);
        for (_, check, definition) in checks.cloned().collect::<Vec<_>>() {
            let is_kept = shape.checks.contains_key(&check)
                || self
                    .there
                    .checks
                    .iter()
                    .any(|(table, known, _)| table == name && *known == check);
            if !is_kept {
                let sql = definition.map(|definition| {
                    format!(
                        "alter table {of} add constraint {} {definition}",
                        quote(engine, &check)
                    )
                });
                let thing = Thing::new(SchemaKind::Check, check, sql);
                self.add(name, thing, SchemaState::Missing, None);
            }
        }
        if let Some(comment) = &from.comment
            && shape.comment.is_none()
            && there.is_none_or(|table| table.comment.is_none())
        {
            let sql = format!("comment on table {of} is {}", literal(engine, comment));
            self.add(name, Thing::new(SchemaKind::Comment, "", sql), SchemaState::Missing, None);
        }
        for column in &mapping.columns {
            let comment = column
                .source
                .as_ref()
                .and_then(|source| from.column(source)?.comment.as_ref())
                .filter(|comment| !comment.is_empty());
            let has_one = there
                .and_then(|table| table.column(&column.target))
                .is_some_and(|column| column.comment.is_some());
            if let Some(comment) = comment
                && !has_one
            {
                let sql = format!(
                    "comment on column {of}.{} is {}",
                    quote(engine, &column.target),
                    literal(engine, comment)
                );
                let thing = Thing::new(SchemaKind::Comment, &column.target, sql);
                self.add(name, thing, SchemaState::Missing, None);
            }
        }
        let own = format!("{}\n{}", self.plan.target_sql.before, self.plan.target_sql.after);
        let is_kept = self.there.row_security.contains(name)
            || own.to_ascii_lowercase().contains("enable row level security");
        if self.from.row_security.contains(&from.name) {
            let sql = format!("alter table {of} enable row level security");
            let thing = Thing::new(SchemaKind::RowSecurity, "", sql);
            self.add(name, thing, state_of(is_kept), None);
        }
    }

    fn views_and_triggers(&mut self) {
        let own = format!("{}\n{}", self.plan.target_sql.before, self.plan.target_sql.after);
        let own = own.to_ascii_lowercase();
        let makes = |kind: &str, name: &str| {
            own.split(';').any(|statement| {
                statement.contains(kind) && statement.contains(&name.to_ascii_lowercase())
            })
        };
        for (view, definition) in &self.from.views {
            let is_there = self.there.views.iter().any(|(known, _)| known.name == view.name)
                || self.target.tables.iter().any(|table| table.name.name == view.name);
            let state = match (is_there, makes("view", &view.name)) {
                (true, _) => SchemaState::Present,
                (false, true) => SchemaState::ToBeMade,
                (false, false) => SchemaState::Missing,
            };
            let engine = self.target.engine;
            let name = target_name(engine, &TableName::new(None, &view.name));
            let sql = definition.as_ref().map(|definition| {
                format!("create view {} as {definition}", quote_table(engine, &name))
            });
            self.items.push(SchemaItem {
                kind: SchemaKind::View,
                table: view.clone(),
                name: String::new(),
                state,
                detail: None,
                statement: sql.filter(|_| state == SchemaState::Missing),
            });
        }
        for (table, trigger) in &self.from.triggers {
            let is_there = self.there.triggers.iter().any(|(_, known)| known == trigger);
            let state = match (is_there, makes("trigger", trigger)) {
                (true, _) => SchemaState::Present,
                (false, true) => SchemaState::ToBeMade,
                (false, false) => SchemaState::Missing,
            };
            self.items.push(SchemaItem {
                kind: SchemaKind::Trigger,
                table: table.clone(),
                name: trigger.clone(),
                state,
                detail: None,
                statement: None,
            });
        }
    }
}

const fn state_of(is_there: bool) -> SchemaState {
    if is_there { SchemaState::Present } else { SchemaState::Missing }
}

/// The columns of the target that the columns of the source go to; none where one goes nowhere.
fn renamed(mapping: &TableMapping, columns: &[String]) -> Option<Vec<String>> {
    columns
        .iter()
        .map(|name| {
            let mut taking =
                mapping.columns.iter().filter(|column| column.source.as_ref() == Some(name));
            taking.next().map(|column| column.target.clone())
        })
        .collect()
}

fn same(left: &[String], right: &[String]) -> bool {
    left.len() == right.len() && left.iter().all(|name| right.contains(name))
}

fn has_index(table: &Table, columns: &[String], unique: bool) -> bool {
    same(&table.primary_key, columns)
        || table.indexes.iter().any(|index| {
            (index.unique || !unique)
                && if unique { same(&index.columns, columns) } else { index.columns == columns }
        })
}

fn has_foreign_key(engine: Engine, table: &Table, columns: &[String], to: &TableName) -> bool {
    let to = target_name(engine, to);
    table.foreign_keys.iter().any(|key| key.columns == columns && key.references == to)
}

fn is_same_type(left: &DataType, right: &DataType) -> bool {
    match (left, right) {
        (DataType::Named(left), DataType::Named(right)) => {
            let bare = |name: &str| {
                name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_ascii_lowercase()
            };
            bare(left) == bare(right)
        }
        (DataType::Array(left), DataType::Array(right)) => is_same_type(left, right),
        _ => left == right,
    }
}

fn named_index(table: &TableName, columns: &[String], unique: bool) -> Index {
    let ending = if unique { "key" } else { "idx" };
    Index {
        name: format!("{}_{}_{ending}", table.name, columns.join("_")),
        columns: columns.to_vec(),
        unique,
    }
}

fn create_index(engine: Engine, of: &str, index: &Index) -> String {
    format!(
        "create {}index {} on {of} ({})",
        if index.unique { "unique " } else { "" },
        quote(engine, &index.name),
        quote_list(engine, &index.columns)
    )
}

fn add_foreign_key(engine: Engine, of: &str, key: &ForeignKey) -> String {
    format!(
        "alter table {of} add constraint {} foreign key ({}) references {} ({}) on delete {} on update {}",
        quote(engine, &key.name),
        quote_list(engine, &key.columns),
        quote_table(engine, &target_name(engine, &key.references)),
        quote_list(engine, &key.referenced_columns),
        key.on_delete.sql(),
        key.on_update.sql()
    )
}

async fn facts(asked: &mut Asked) -> Result<Facts> {
    let doing = "reading views, triggers and conditions";
    let mut facts = Facts::default();
    let engine = asked.engine();
    let (views, triggers, checks) = match engine {
        Engine::Postgres => (POSTGRES_VIEWS, POSTGRES_TRIGGERS, POSTGRES_CHECKS),
        Engine::Mysql => (MYSQL_VIEWS, MYSQL_TRIGGERS, MYSQL_CHECKS),
        Engine::Sqlite => (SQLITE_VIEWS, SQLITE_TRIGGERS, NOTHING),
        Engine::Csv => return Ok(facts),
    };
    let name = |row: &[Option<String>]| {
        let schema = row.first().and_then(Option::as_deref);
        TableName::new(schema, text(row, 1))
    };
    for row in asked.ask(views, doing).await? {
        let definition = row.get(2).cloned().flatten();
        facts.views.push((
            name(&row),
            definition.map(|text| text.trim().trim_end_matches(';').to_owned()),
        ));
    }
    for row in asked.ask(triggers, doing).await? {
        facts.triggers.push((name(&row), text(&row, 2).to_owned()));
    }
    for row in asked.ask(checks, doing).await? {
        facts.checks.push((name(&row), text(&row, 2).to_owned(), row.get(3).cloned().flatten()));
    }
    if engine == Engine::Postgres {
        for row in asked.ask(POSTGRES_ROW_SECURITY, doing).await? {
            facts.row_security.push(name(&row));
        }
    }
    Ok(facts)
}

const NOTHING: &str = "select null, null, null where 1 = 0";

const POSTGRES_VIEWS: &str = "
    select n.nspname::text, c.relname::text, pg_get_viewdef(c.oid)
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm')
      and n.nspname not in ('information_schema', 'transfuse') and n.nspname !~ '^pg_'
      and not exists (select from pg_depend as d where d.classid = 'pg_class'::regclass
                      and d.objid = c.oid and d.deptype = 'e')
    order by 1, 2";

const POSTGRES_TRIGGERS: &str = "
    select n.nspname::text, c.relname::text, t.tgname::text
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
    join pg_namespace as n on n.oid = c.relnamespace
    where not t.tgisinternal
      and n.nspname not in ('information_schema', 'transfuse') and n.nspname !~ '^pg_'
    order by 1, 2, 3";

const POSTGRES_CHECKS: &str = "
    select n.nspname::text, c.relname::text, k.conname::text, pg_get_constraintdef(k.oid)
    from pg_constraint as k
    join pg_class as c on c.oid = k.conrelid
    join pg_namespace as n on n.oid = c.relnamespace
    where k.contype = 'c' and not c.relispartition
      and n.nspname not in ('information_schema', 'transfuse') and n.nspname !~ '^pg_'
    order by 1, 2, 3";

const POSTGRES_ROW_SECURITY: &str = "
    select n.nspname::text, c.relname::text
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relrowsecurity
      and n.nspname not in ('information_schema', 'transfuse') and n.nspname !~ '^pg_'
    order by 1, 2";

const MYSQL_VIEWS: &str = "
    select null, table_name from information_schema.views
    where table_schema = database() order by table_name";

const MYSQL_TRIGGERS: &str = "
    select null, event_object_table, trigger_name from information_schema.triggers
    where trigger_schema = database() order by event_object_table, trigger_name";

const MYSQL_CHECKS: &str = "
    select null, table_name, constraint_name from information_schema.table_constraints
    where table_schema = database() and constraint_type = 'CHECK'
    order by table_name, constraint_name";

const SQLITE_VIEWS: &str = "select null, name from sqlite_master where type = 'view' order by name";

const SQLITE_TRIGGERS: &str =
    "select null, tbl_name, name from sqlite_master where type = 'trigger' order by name";
