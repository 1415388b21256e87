use crate::support::Desk;

#[test]
fn the_same_seed_makes_the_same_sample_with_its_truth_beside_it() {
    let desk = Desk::new();
    let generate = |name: &str, seed: &str| {
        let url = format!("sqlite:{name}");
        let done = desk.run(&[
            "generate", "mdw", "--into", &url, "--scale", "0.001", "--seed", seed, "--json", "-",
        ]);
        assert_eq!(done.status, 0, "{}", done.stderr);
        let summary: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        assert!(summary["rows"].as_u64() > Some(1_000), "{summary}");
        desk.read(&format!("{name}.truth.json"))
    };

    let first = generate("a.db", "7");

    assert_eq!(generate("b.db", "7"), first);
    assert_ne!(generate("c.db", "8"), first);
}

#[test]
fn a_database_with_a_sample_in_it_is_left_as_it_is() {
    let desk = Desk::new();
    let arguments = ["generate", "mdw", "--into", "sqlite:a.db", "--scale", "0.001"];
    assert_eq!(desk.run(&arguments).status, 0);
    let before = std::fs::read(desk.path("a.db")).unwrap();

    assert_ne!(desk.run(&arguments).status, 0);

    assert!(std::fs::read(desk.path("a.db")).unwrap() == before);
}

#[test]
fn the_same_seed_makes_the_same_people() {
    let desk = Desk::new();
    let generate = |name: &str, more: &[&str]| {
        let (out, truth) = (format!("{name}.csv"), format!("{name}.truth.csv"));
        let fixed = ["generate", "people", "--count", "500", "--out", &out, "--truth", &truth];
        let done = desk.run(&[&fixed[..], more].concat());
        assert_eq!(done.status, 0, "{}", done.stderr);
        desk.read(&out)
    };

    let first = generate("a", &["--seed", "7"]);

    assert_eq!(first.lines().count(), 501);
    assert_eq!(generate("b", &["--seed", "7"]), first);
    assert_ne!(generate("c", &["--seed", "8"]), first);
    generate("d", &["--kind", "clean"]);
    let truth = desk.read("d.truth.csv");
    let people: std::collections::BTreeSet<_> =
        truth.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    assert_eq!(people.len(), 500);
}
