use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use engine::assess::catalog::reading_key;
use engine::connect::Source;
use engine::extract::csv::is_ragged;
use engine::extract::{ChunkRange, Snapshot};
use engine::value::{Batch, Flaw, Value};
use tempfile::TempDir;

use crate::reading::{catalog_of, read_of, rows_of};

fn folder(files: &[(&str, &[u8])]) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("writes");
    }
    let url = format!("csv:{}", folder.path().display());
    (folder, url)
}

#[tokio::test]
async fn a_file_that_was_cut_off_inside_its_header_is_refused() {
    let (_folder, url) = folder(&[("people.csv", b"id,\"name\n1,Ann\n2,Bea\n")]);

    let error = Source::open(&url).await.expect_err("it has no rows that could be told");

    assert_eq!(error.code(), shared::error_code::ErrorCode::Conn008);
}

#[tokio::test]
async fn files_become_tables_with_types_that_give_their_values_back() {
    let (_folder, url) = folder(&[
        (
            "patients.csv",
            b"\xef\xbb\xbfId,Name,zip,born,seen,paid,active,empty,Name\r\n\
              1,\"Zo\xc3\xab, \"\"Z\"\"\nX\",02703,2024-02-29,2024-02-29T10:00:00Z,1.50,true,,a\r\n\
              \r\n\
              2,,1,,,2,false,,b",
        ),
        ("visits.TSV", b"visit id\tnote\n7\ta,b;c\n"),
        ("notes.txt", b"no table"),
        ("empty.csv", b""),
    ]);

    let catalog = catalog_of(&url).await;

    let names: Vec<_> = catalog.tables.iter().map(|table| table.name.name.as_str()).collect();
    assert_eq!(names, ["patients", "visits"]);
    let patients = &catalog.tables[0];
    let columns: Vec<_> = patients
        .columns
        .iter()
        .map(|column| format!("{} {} {}", column.name, column.data_type, column.nullable))
        .collect();
    assert_eq!(
        columns,
        [
            "Id bigint false",
            "Name text true",
            "zip text false",
            "born date true",
            "seen timestamptz true",
            "paid numeric false",
            "active boolean false",
            "empty text true",
            "Name_2 text false",
        ]
    );
    assert_eq!(reading_key(patients), ["Id"]);
    assert_eq!(patients.estimated_rows, 2);
    let comment = patients.comment.as_deref().expect("is told");
    assert!(comment.contains("`,`") && comment.contains("UTF-8"), "{comment}");

    let source = Source::open(&url).await.expect("opens");
    let (rows, _) = rows_of(&source, &read_of(patients), 10).await;
    assert_eq!(
        rows[0],
        [
            r#"Text("1")"#,
            r#"Text("Zoë, \"Z\"\nX")"#,
            r#"Text("02703")"#,
            r#"Text("2024-02-29")"#,
            r#"Text("2024-02-29T10:00:00Z")"#,
            r#"Text("1.50")"#,
            r#"Text("true")"#,
            "Null",
            r#"Text("a")"#,
        ]
    );
    assert_eq!(rows[1][1], "Null");
}

#[tokio::test]
async fn a_ragged_line_is_kept_whole() {
    let (_folder, url) = folder(&[(
        "t.csv",
        b"a,b,c\n1,2,3\n4,5\n6,7,\"8\n\",9\n,,\nx,y,\"never closed\n10,11,12\n",
    )]);
    let source = Source::open(&url).await.expect("opens");
    let catalog = catalog_of(&url).await;
    let mut read = read_of(&catalog.tables[0]);
    read.columns.remove(0);
    let mut snapshot = Snapshot::open(&source, 1).await.expect("opens");
    let chunks = snapshot.plan_chunks(&read, 100).await.expect("plans");
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<Batch>(9);

    let count = snapshot.into_readers()[0].read(&read, &chunks[0], 1 << 20, sender).await;

    assert_eq!((count.expect("reads"), chunks[0].rows), (5, 5));
    let batch = receiver.recv().await.expect("a batch");
    let ragged: Vec<_> = batch.iter().map(|row| is_ragged(&row)).collect();
    assert_eq!(ragged, [false, true, true, false, true]);
    let line = |index: usize| batch.row(index).value(0).into_owned();
    let whole = |line: &'static [u8]| Value::Invalid(Flaw::Malformed, line.into());
    assert_eq!(line(1), whole(b"4,5"));
    assert_eq!(line(2), whole(b"6,7,\"8\n\",9"));
    assert_eq!(line(4), whole(b"x,y,\"never closed\n10,11,12"));
    assert_eq!(batch.row(1).value(1), Value::Null);
}

#[tokio::test]
async fn a_file_is_cut_between_records_and_every_row_is_in_one_chunk() {
    let mut text = "id,text\n".to_owned();
    for id in 0..50 {
        write!(text, "{id},\"line\nof {id}, \"\"quoted\"\"\"\r\n").expect("a string grows");
    }
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (_folder, url) = folder(&[("utf8.csv", text.as_bytes()), ("wide.csv", &wide)]);
    let source = Source::open(&url).await.expect("opens");
    let catalog = catalog_of(&url).await;

    let (expected, _) = rows_of(&source, &read_of(&catalog.tables[0]), 1000).await;

    assert_eq!(expected.len(), 50);
    for table in &catalog.tables {
        for chunk_rows in [1, 3, 1000] {
            let (rows, chunks) = rows_of(&source, &read_of(table), chunk_rows).await;
            assert_eq!(rows, expected);
            assert_eq!(chunks.len(), usize::try_from(50_u64.div_ceil(chunk_rows)).expect("fits"));
            assert!(matches!(chunks[0].range, ChunkRange::Bytes { .. }));
        }
    }
}

#[tokio::test]
async fn another_encoding_is_found_and_said() {
    let (_folder, url) = folder(&[
        ("latin.csv", b"id;name\n1;Zo\xeb\n2;\x80 5\n"),
        ("mostly.csv", "id;name\n1;Zoë\n2;é\n3;\u{e9}".as_bytes()),
        ("broken.csv", b"id,name\n1,Zo\xc3\xab\n2,\xc3\xa9\n3,\xff\n"),
    ]);
    let source = Source::open(&url).await.expect("opens");
    let catalog = catalog_of(&url).await;
    let mut found = BTreeMap::new();
    for table in &catalog.tables {
        found.insert(table.name.name.clone(), rows_of(&source, &read_of(table), 9).await.0);
    }

    assert_eq!(
        found["latin"],
        [[r#"Text("1")"#, r#"Text("Zoë")"#], [r#"Text("2")"#, r#"Text("€ 5")"#]]
    );
    assert_eq!(found["mostly"][2][1], r#"Text("é")"#);
    assert_eq!(found["broken"][2][1], "Invalid(NotText, [255])");
    let note = Snapshot::open(&source, 1).await.expect("opens").note().expect("says so");
    assert!(note.contains("latin.csv") && note.contains("windows-1252"), "{note}");
    assert!(!note.contains("mostly.csv"), "{note}");

    let declared = format!("{url}?encoding=iso-8859-2&delimiter=;");
    let source = Source::open(&declared).await.expect("opens");
    let catalog = catalog_of(&declared).await;
    let latin = catalog.tables.iter().find(|table| table.name.name == "latin").expect("is found");
    assert_eq!(rows_of(&source, &read_of(latin), 9).await.0[0][1], r#"Text("Zoë")"#);
}

#[tokio::test]
async fn a_file_that_changes_under_the_run_is_noticed() {
    let (folder, url) = folder(&[("t.csv", b"a,b\n1,2\n3,4\n")]);
    let source = Source::open(&url).await.expect("opens");
    let catalog = catalog_of(&url).await;
    let read = read_of(&catalog.tables[0]);
    let mut snapshot = Snapshot::open(&source, 1).await.expect("opens");
    let chunks = snapshot.plan_chunks(&read, 9).await.expect("plans");

    fs::write(folder.path().join("t.csv"), b"a,b\n1,2\n3,4\n5,6\n").expect("writes");

    let (sender, _receiver) = tokio::sync::mpsc::channel::<Batch>(9);
    let refused = snapshot.into_readers()[0].read(&read, &chunks[0], 9, sender).await;
    assert_eq!(refused.expect_err("it changed").code().as_str(), "LOAD-008");
}

#[tokio::test]
async fn what_is_no_folder_of_tables_is_refused() {
    let (folder, url) = folder(&[("notes.txt", b"no table")]);
    let missing = format!("{url}/missing");
    let twice = {
        fs::create_dir(folder.path().join("twice")).expect("makes");
        fs::write(folder.path().join("twice/a.csv"), "x\n1\n").expect("writes");
        fs::write(folder.path().join("twice/a.tsv"), "x\n1\n").expect("writes");
        format!("{url}/twice")
    };
    for url in [url, missing, twice] {
        let refused = Source::open(&url).await.expect_err("it is refused");
        assert_eq!(refused.code().as_str(), "CONN-008");
    }
}

#[tokio::test]
async fn synthea_is_read_whole() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/synthea");
    if !path.exists() {
        return;
    }
    let url = format!("csv:{}", path.display());
    let source = Source::open(&url).await.expect("opens");
    let catalog = catalog_of(&url).await;
    let mut rows = BTreeMap::new();
    for table in &catalog.tables {
        let (found, _) = rows_of(&source, &read_of(table), 500).await;
        assert!(found.iter().all(|row| !row[0].starts_with("Invalid")), "{}", table.name);
        rows.insert(table.name.name.as_str(), found.len());
    }

    assert_eq!(rows.len(), 18);
    assert_eq!((rows["patients"], rows["claims"], rows["claims_transactions"]), (27, 1267, 5228));
    let patients = catalog.tables.iter().find(|table| table.name.name == "patients");
    let patients = patients.expect("is found");
    assert_eq!(reading_key(patients), ["Id"]);
    assert_eq!(patients.column("ZIP").expect("is found").data_type.to_string(), "text");
    assert_eq!(patients.column("BIRTHDATE").expect("is found").data_type.to_string(), "date");
}
