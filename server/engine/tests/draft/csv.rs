use std::fs;

use crate::support::{completed, drafted, read_and_quarantined, shown};

#[test]
fn a_folder_of_files_becomes_a_database() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("people.csv"),
        "Id,NAME,born,paid,zip,note\n1,Ann,1999-05-04,10.50,01234,a\0b\n2,\"Zoë, \"\"Z\"\"\",,3,99999,\n3,Ragged\n",
    )
    .unwrap();
    fs::write(folder.path().join("empty.csv"), "a,b\n").unwrap();
    let target = testbed::postgres().create_database();

    let plan = drafted(&format!("csv:{}", folder.path().display()), target.url());
    insta::assert_snapshot!(shown(&plan));

    let outcome = completed(&plan);
    assert_eq!(read_and_quarantined(&outcome), (3, 1));
    assert_eq!(target.query("select distinct code from transfuse.quarantine"), "DATA-013");
    assert_eq!(
        target.query("select * from people order by 1"),
        "1\tAnn\t1999-05-04\t10.50\t01234\ta␀b\n2\tZoë, \"Z\"\tNULL\t3\t99999\tNULL"
    );
}
