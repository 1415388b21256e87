//! Reads tables as a run does.

use engine::assess::catalog;
use engine::connect::Source;
use engine::extract::{Chunk, Cut, Form, ReadColumn, Snapshot, TableRead};
use engine::value::{Batch, Value};
use shared::assessment::{Catalog, Table};

/// A row, each cell as `Debug` writes it.
pub(crate) type Shown = Vec<String>;

pub(crate) async fn catalog_of(url: &str) -> Catalog {
    let source = Source::open(url).await.expect("the source opens");
    catalog::of_source(&source).await.expect("the catalog is read")
}

/// The read of a whole table, by its key when it has one.
pub(crate) fn read_of(table: &Table) -> TableRead {
    TableRead {
        table: table.name.clone(),
        query: None,
        key: catalog::reading_key(table),
        columns: table
            .columns
            .iter()
            .map(|column| ReadColumn {
                name: column.name.clone(),
                native_type: column.native_type.clone(),
                data_type: column.data_type.clone(),
                form: Form::Typed,
                lookup: None,
            })
            .collect(),
        filter: None,
    }
}

/// What one table holds, in the order in which it is read, and how it was cut.
pub(crate) async fn rows_of(
    source: &Source,
    read: &TableRead,
    cut: impl Into<Cut>,
) -> (Vec<Shown>, Vec<Chunk>) {
    let mut snapshot = Snapshot::open(source, 2).await.expect("the snapshot opens");
    let chunks = snapshot.plan_chunks(read, cut).await.expect("chunks are planned");
    let mut readers = snapshot.into_readers();
    let mut rows = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        // Readers take turns, so that a difference between them would show.
        let which = index % readers.len();
        let reader = &mut readers[which];
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<Batch>(2);
        let collect = async {
            let mut found = Vec::new();
            while let Some(batch) = receiver.recv().await {
                let width = batch.columns();
                found.extend(batch.iter().map(|row| {
                    (0..width).map(|column| shown(&row.value(column))).collect::<Shown>()
                }));
            }
            found
        };
        let (count, found) = tokio::join!(reader.read(read, chunk, 200, sender), collect);
        assert_eq!(count.expect("the chunk is read"), found.len() as u64);
        assert_eq!(chunk.rows, found.len() as u64, "planned and read differ in {chunk:?}");
        rows.extend(found);
    }
    (rows, chunks)
}

/// A table `t` of 3,000 rows, of which the 300 after the first 1,100 are large, is cut so that no
/// chunk has more than twice the bytes asked for, and no more rows than that.
pub(crate) async fn check_that_large_rows_are_cut_apart(url: &str) {
    let source = Source::open(url).await.expect("the source opens");
    let catalog = catalog_of(url).await;
    let cut = Cut { rows: 1_000, bytes: 200_000 };

    let (rows, chunks) = rows_of(&source, &read_of(&catalog.tables[0]), cut).await;

    assert_eq!(rows.len(), 3_000);
    let sizes: Vec<usize> = rows.iter().map(|row| row.concat().len()).collect();
    let mut rest = sizes.as_slice();
    for chunk in &chunks {
        let (own, others) = rest.split_at(usize::try_from(chunk.rows).expect("is small"));
        rest = others;
        assert!(chunk.rows <= 1_000, "{chunk:?}");
        assert!(own.iter().sum::<usize>() <= 400_000 + 50 * own.len(), "{chunk:?}");
    }
    assert!((15..60).contains(&chunks.len()), "{} chunks", chunks.len());
}

/// The cells of a table's only row, with the names of their columns.
pub(crate) async fn only_row(url: &str, table: &str) -> Vec<(String, String)> {
    let source = Source::open(url).await.expect("the source opens");
    let catalog = catalog::of_source(&source).await.expect("the catalog is read");
    let table = catalog
        .tables
        .iter()
        .find(|candidate| candidate.name.name == table)
        .expect("the table is in the catalog");
    let (rows, _) = rows_of(&source, &read_of(table), 1000).await;
    assert_eq!(rows.len(), 1);
    let names = table.columns.iter().map(|column| column.name.clone());
    names.zip(rows.into_iter().flatten()).collect()
}

/// Compares types and cells, and names what differs.
#[track_caller]
pub(crate) fn same(found: &[(String, String)], expected: &[(&str, &str)]) {
    let found: Vec<(&str, &str)> =
        found.iter().map(|(name, cell)| (name.as_str(), cell.as_str())).collect();
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

fn shown(value: &Value<'_>) -> String {
    format!("{value:?}")
}
