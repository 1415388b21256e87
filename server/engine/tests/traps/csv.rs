use std::fs;

use crate::Moved;

fn moved(bytes: &[u8]) -> Moved {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("people.csv"), bytes).unwrap();
    Moved::from(&format!("csv:{}", folder.path().display()))
}

#[test]
fn an_encoding_that_nothing_declares_is_guessed_and_named() {
    let moved = moved(b"id;name\n1;Zo\xeb\n2;Ren\xe9\n");

    assert_eq!(moved.named(), ["encoding"]);
    assert_eq!(moved.query("select name from people order by id"), "Zoë\nRené");
}

#[test]
fn a_mark_at_the_beginning_is_no_part_of_the_first_name() {
    let moved = moved("\u{feff}id,name\n1,Zoë\n".as_bytes());

    assert_eq!(moved.query("select id, name from people"), "1\tZoë");
}

#[test]
fn the_delimiter_is_the_one_that_makes_lines_alike() {
    let moved = moved(b"id;paid\n1;2,50\n2;3,50\n");

    assert_eq!(moved.query("select paid from people order by id"), "2,50\n3,50");
}

#[test]
fn quoted_fields_hold_delimiters_quotes_and_lines() {
    let moved = moved(b"id,note\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n2,plain\r\n");

    assert_eq!(
        moved.query("select replace(replace(note, chr(13), '<cr>'), chr(10), '<lf>') from people order by id"),
        "a, \"b\"<cr><lf>c\nplain"
    );
}

#[test]
fn a_line_with_other_fields_is_kept_whole_and_a_trailer_is_one() {
    let moved = moved(b"id,name,born\n1,Ann,1999-05-04\n2,Bea\nTRAILER;2\n");

    assert_eq!(moved.named(), ["ragged"]);
    assert_eq!(moved.quarantined(), 2);
    assert_eq!(moved.query("select distinct code from transfuse.quarantine"), "DATA-013");
    assert_eq!(moved.query("select count(*) from people"), "1");
}

#[test]
fn names_that_a_header_has_twice_or_not_at_all_are_made_up() {
    let moved = moved(b"id,name,,name\n1,Ann,x,Doe\n");

    assert_eq!(moved.named(), ["header"]);
    assert_eq!(moved.query("select id, name, column_3, name_2 from people"), "1\tAnn\tx\tDoe");
}

#[test]
fn zeros_in_front_are_kept() {
    let moved = moved(b"id,zip,phone\n1,02155,+1 555\n2,99999,0\n");

    assert_eq!(moved.type_of("people", "zip"), "text");
    assert_eq!(moved.query("select zip from people order by id"), "02155\n99999");
}

#[test]
fn a_zero_byte_becomes_a_sign_that_somebody_signed_for() {
    let moved = moved(b"id,name\n1,a\0b\n2,c\n");

    assert_eq!(moved.named(), ["zero_byte"]);
    assert_eq!(moved.query("select name from people order by id"), "a\u{2400}b\nc");
}

#[test]
fn a_quote_that_never_ends_keeps_what_it_swallowed() {
    let moved = moved(b"id,name\n1,Ann\n2,\"Bea\n3,Cas\n");

    assert_eq!(moved.quarantined(), 1);
    assert_eq!(moved.query("select code from transfuse.quarantine"), "DATA-013");
}

#[test]
fn a_quote_too_many_does_not_make_lines_a_field() {
    let moved = moved(b"id,name\n1,Ann\n2,\"Bea\n3,Cas\n4,\"Dan\"\n5,Eve\n");

    assert_eq!(moved.named(), ["ragged"]);
    assert_eq!(moved.quarantined(), 1);
    assert_eq!(moved.query("select code from transfuse.quarantine"), "DATA-013");
    assert_eq!(moved.query("select name from people order by id"), "Ann\nEve");
}

#[test]
fn a_file_that_was_cut_off_inside_quotes_does_not_load_its_last_row() {
    for cut in ["2,\"Be", "2,\"", "2,\"Bea \"\""] {
        let moved = moved(format!("id,name\n1,Ann\n{cut}").as_bytes());

        assert_eq!(moved.named(), ["ragged"], "{cut}");
        assert_eq!(moved.quarantined(), 1, "{cut}");
        assert_eq!(moved.query("select code from transfuse.quarantine"), "DATA-013");
        assert_eq!(moved.query("select name from people"), "Ann");
    }
}

#[test]
fn a_last_line_without_an_end_is_complete_and_a_quote_in_it_is_a_character() {
    let moved = moved(b"id,name\n1,\"Ann\"\n2,5\" tube");

    assert_eq!(moved.quarantined(), 0);
    assert_eq!(moved.query("select name from people order by id"), "Ann\n5\" tube");
}

#[test]
fn a_file_with_a_header_alone_becomes_an_empty_table() {
    let moved = moved(b"id,name\n");

    assert_eq!(moved.query("select count(*) from people"), "0");
    assert_eq!(moved.quarantined(), 0);
}
