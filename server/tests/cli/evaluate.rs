use serde_json::Value;

use crate::support::Desk;

const TRUTH: &str = "record_id,entity_id\na,1\nb,1\nc,2\nd,3\ne,3\n";

fn evaluated(desk: &Desk, arguments: &[&str]) -> Value {
    let fixed = ["evaluate", "--truth", "truth.csv", "--json", "-"];
    let done = desk.run(&[&fixed[..], arguments].concat());
    assert_eq!(done.status, 0, "{}", done.stderr);
    serde_json::from_str(&done.stdout).expect("JSON")
}

#[test]
fn pairs_and_clusters_of_any_program_are_judged() {
    let desk = Desk::new();
    desk.write("truth.csv", TRUTH);
    // As another program writes them: by probability, and with names of its own.
    desk.write(
        "pairs.csv",
        "unique_id_l,unique_id_r,match_probability\na,b,0.99\nb,c,0.6\nd,e,0.2\nd,z,0.9\n",
    );
    desk.write("clusters.csv", "cluster_id,unique_id\nx,a\nx,b\nx,c\n");

    let judged = evaluated(&desk, &["--pairs", "pairs.csv", "--clusters", "clusters.csv"]);

    assert_eq!((&judged["records"], &judged["true_pairs"]), (&5.into(), &2.into()));
    let counts = |quality: &Value| {
        ["found_right", "found_wrong", "missed"].map(|name| quality[name].as_u64().unwrap())
    };
    assert_eq!(counts(&judged["matches"]), [1, 1, 1]);
    assert_eq!(counts(&judged["clusters"]["pairwise"]), [1, 2, 1]);
    assert_eq!(judged["clusters"]["over_merged"], 1);
    assert_eq!(judged["curve"].as_array().map(Vec::len), Some(3));

    let done = desk.run(&["evaluate", "--truth", "truth.csv", "--pairs", "pairs.csv"]);
    for words in ["precision", "pairs, best F1", "stated", "from bits"] {
        assert!(done.stdout.contains(words), "{}", done.stdout);
    }
}

#[test]
fn files_that_lack_what_is_needed_are_refused() {
    let desk = Desk::new();
    desk.write("truth.csv", TRUTH);
    desk.write("pairs.csv", "left_id,right_id\na,b\n");
    desk.write("twice.csv", "record_id,entity_id\na,1\na,2\n");
    let evaluate =
        |truth: &str, more: &[&str]| desk.run(&[&["evaluate", "--truth", truth], more].concat());
    evaluate("truth.csv", &["--pairs", "pairs.csv"]).assert_failed(2, "MATCH-006");
    evaluate("pairs.csv", &[]).assert_failed(2, "MATCH-006");
    evaluate("twice.csv", &[]).assert_failed(2, "MATCH-002");
    evaluate("nowhere.csv", &[]).assert_failed(5, "CONN-008");
}
