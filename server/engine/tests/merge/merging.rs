//! What a merge leaves behind.

use std::sync::Arc;

use engine::merge::{By, MergeState, first_survives};
use shared::duplicate::RecordId;
use shared::error_code::ErrorCode;
use shared::plan::{Colliding, OtherColumns};

use crate::support::{World, first_with_all, on_both};

const TWO: &str = "
insert into clinic values (1, 'North'), (2, 'South');
insert into account values (10, 'ida@example.org', 'Ida', null), (20, null, 'Idalia', 'calls back');
insert into patient values
    (1, 'a', 1, 10, null, '1980-03-12', '617-555-0142', null, null),
    (2, 'b', 2, 20, 1, '1980-03-12', '617-555-0177', null, 'yes'),
    (3, 'c', 2, null, 2, '2001-01-01', null, null, null);
insert into visit values (1, 1, 'first', 0.1), (2, 2, 'second', 0.2), (3, 3, null, 1e300);
insert into bill values (1, 1, 'a', '10'), (2, 2, 'b', '20');
insert into log values (2, 'called'), (2, 'called'), (1, 'called');
insert into login values (1, 10), (2, 20), (3, 20);
";

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_referred_to_the_one_refers_to_the_other() {
    on_both(TWO, async |world| {
        let merge = world.merged(&[1, 2]).await;

        assert_eq!(merge.survivor.as_ref().map(RecordId::as_str), Some("1"));
        assert_eq!(world.ask("select id from patient order by id").await, ["1", "3"]);
        let visits = "select id, patient_id from visit order by id";
        assert_eq!(world.ask(visits).await, ["1 1", "2 1", "3 3"]);
        let bills = "select id, clinic_id, patient_code from bill order by id";
        assert_eq!(world.ask(bills).await, ["1 1 a", "2 1 a"]);
        assert_eq!(world.ask("select patient_id, what from log").await, ["1 called"; 3]);
        // The guardian of 3 was 2.
        assert_eq!(world.ask("select guardian_id from patient where id = 3").await, ["1"]);
        let removed: Vec<_> = merge.removed.iter().map(|(t, n)| (t.name.as_str(), *n)).collect();
        assert_eq!(removed, [("account", 1), ("patient", 1)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_golden_record_is_written_and_what_was_empty_is_filled() {
    on_both(TWO, async |world| {
        world.merged(&[1, 2]).await;

        let row = "select phone, born, insured from patient where id = 1";
        assert_eq!(world.ask(row).await, ["617-555-0177 1980-03-12 yes"]);
        let account = "select email, first_name, note from account";
        assert_eq!(world.ask(account).await, ["ida@example.org Idalia calls back"]);
        assert_eq!(world.ask("select account_id from login order by id").await, ["10"; 3]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_columns_are_kept_where_the_plan_says_so() {
    on_both(TWO, async |mut world| {
        world.duplicates_mut().other_columns = OtherColumns::Keep;
        world.merged(&[1, 2]).await;

        assert_eq!(world.ask("select insured from patient where id = 1").await, ["-"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_the_others_guardian_is_not_his_own() {
    on_both(TWO, async |world| {
        // 2's guardian is 1: the row that stays keeps none.
        world.merged(&[2, 1]).await;

        assert_eq!(world.ask("select guardian_id from patient where id = 2").await, ["-"]);
        assert_eq!(world.ask("select guardian_id from patient where id = 3").await, ["2"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_may_not_both_stay_are_folded_with_all_that_hangs_on_them() {
    let rows = format!(
        "{TWO}
         insert into allergy values (1, 'pollen', 'mild'), (2, 'pollen', 'severe'),
                                    (2, 'nuts', 'severe');
         insert into reaction values (1, 1, 'pollen', 'x'), (2, 2, 'pollen', 'y'),
                                     (3, 2, 'nuts', 'z');
         insert into consent values (1, 1, 'paper'), (2, 2, 'online');
         insert into consent_page values (1, 1, 'p'), (2, 2, 'q');"
    );
    on_both(&rows, async |world| {
        let merge = world.merged(&[1, 2]).await;

        let allergies = "select patient_id, substance, severity from allergy order by substance";
        assert_eq!(world.ask(allergies).await, ["1 nuts severe", "1 pollen mild"]);
        let reactions = "select id, patient_id, substance from reaction order by id";
        assert_eq!(world.ask(reactions).await, ["1 1 pollen", "2 1 pollen", "3 1 nuts"]);
        assert_eq!(world.ask("select patient_id, given from consent").await, ["1 paper"]);
        assert_eq!(world.ask("select consent_id from consent_page order by id").await, ["1", "1"]);
        let folded = |table: &str| {
            merge.removed.iter().find(|(name, _)| name.name == table).map(|(_, rows)| *rows)
        };
        assert_eq!((folded("allergy"), folded("consent")), (Some(1), Some(1)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collision_that_the_plan_refuses_leaves_everything_as_it_was() {
    let rows = format!("{TWO} insert into consent values (1, 1, 'paper'), (2, 2, 'online');");
    on_both(&rows, async |mut world| {
        world.duplicates_mut().colliding.insert("consent".parse().unwrap(), Colliding::Refuse);
        let before = world.dump().await;

        let merge = world.merge("m", &[1, 2], Arc::new(first_with_all)).await;

        assert_eq!(merge.state, MergeState::Refused);
        let refusal = merge.refusal.unwrap();
        assert_eq!(refusal.code, ErrorCode::Load030);
        assert!(refusal.reason.contains("consent"), "{}", refusal.reason);
        assert_eq!(world.dump().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_key_that_no_catalog_tells_of_refuses_the_merge() {
    let rows = format!("{TWO} create unique index visit_first on visit (patient_id) where id < 9;");
    on_both(&rows, async |world| {
        let before = world.dump().await;

        let merge = world.merge("m", &[1, 2], Arc::new(first_with_all)).await;

        assert_eq!(merge.state, MergeState::Refused);
        assert_eq!(merge.refusal.unwrap().code, ErrorCode::Data009);
        assert_eq!(world.dump().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_not_merged() {
    on_both(TWO, async |world| {
        let before = world.dump().await;

        let gone = world.merge("m1", &[1, 99], Arc::new(first_with_all)).await;
        let alone = world.merge("m2", &[1, 1], Arc::new(first_with_all)).await;
        let unchosen = world.merge("m3", &[1, 2], Arc::new(|_, _| None)).await;

        for merge in [gone, alone, unchosen] {
            assert_eq!(merge.state, MergeState::Refused);
        }
        assert_eq!(world.dump().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_alone_does_not_merge_those_who_differ_where_they_must_agree() {
    on_both(TWO, async |mut world| {
        world.duplicates_mut().must_agree.push("account_id.note".to_owned());

        let merge = world.merge_by(By::Policy, "m1", &[1, 2], Arc::new(first_with_all)).await;
        assert_eq!(merge.state, MergeState::Refused);
        assert!(merge.refusal.unwrap().reason.contains("account_id.note"));

        assert_eq!(world.merged(&[1, 2]).await.state, MergeState::Applied);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_order_again_does_nothing_twice() {
    on_both(TWO, async |world| {
        let first = world.merged(&[1, 2]).await;
        let after = world.dump().await;

        let again = world.merged(&[1, 2]).await;

        assert_eq!(again, first);
        assert_eq!(world.dump().await, after);
        assert_eq!(world.merges().await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_others_have_too_stays() {
    let rows = format!("{TWO} update patient set account_id = 20 where id = 3;");
    on_both(&rows, async |world| {
        world.merged(&[1, 2]).await;

        assert_eq!(world.ask("select id from account order by id").await, ["10", "20"]);
        assert_eq!(world.ask("select account_id from patient order by id").await, ["10", "20"]);
        assert_eq!(world.ask("select account_id from login order by id").await, ["10", "20", "20"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_of_the_target_do_not_see_a_merge_and_are_there_afterwards() {
    on_both(TWO, async |world| {
        let sqlite = "create table seen (what text);
            create trigger visit_touched after update on visit
            begin insert into seen values ('visit ' || new.id); end;
            create trigger patient_gone after delete on patient
            begin insert into seen values ('patient'); end;";
        let postgres = "create table seen (what text);
            create function see() returns trigger language plpgsql as
            $$ begin insert into seen values (tg_table_name || ' ' || tg_op); return null; end $$;
            create trigger visit_touched after update on visit for each row execute function see();
            create trigger patient_gone after delete on patient
                for each row execute function see();
            alter table patient enable always trigger patient_gone;";
        let is_postgres = world.url.starts_with("postgres");
        world.run(if is_postgres { postgres } else { sqlite }).await.unwrap();

        let merge = world.merged(&[1, 2]).await;
        assert!(world.ask("select what from seen").await.is_empty());
        world.take_back(&merge.order.id).await.unwrap();
        assert!(world.ask("select what from seen").await.is_empty());

        world.run("update visit set note = 'later' where id = 1").await.unwrap();
        assert_eq!(world.ask("select what from seen").await.len(), 1);
        if is_postgres {
            let mode = "select tgenabled::text from pg_trigger where tgname = 'patient_gone'";
            assert_eq!(world.ask(mode).await, ["A"]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_of_a_merge_shows_no_value() {
    on_both(TWO, async |world| {
        world.merged(&[1, 2]).await;

        let own = if world.url.starts_with("postgres") {
            "select merge::text from transfuse.merges as merge
             union all select r::text from transfuse.merge_rows as r"
        } else {
            "select id || state || members || decided_by || basis || removed || moved ||
                    survivor || hex(sealed) from _transfuse_merges
             union all select tag from _transfuse_merge_rows"
        };
        let text = world.ask(own).await.join(" ");
        for value in ["Idalia", "617-555", "1980-03-12", "calls back"] {
            let hex = engine::ident::hex_literal(value.as_bytes());
            let hex = hex.trim_start_matches("x'").trim_end_matches('\'');
            assert!(!text.contains(value) && !text.to_lowercase().contains(hex), "{value}");
        }
        assert!(text.contains("Ada Example"), "whose word it was");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_read_with_what_their_references_lead_to() {
    on_both(TWO, async |world| {
        let mut people = world.people(&[2, 3, 77]).await;
        people.sort_by(|a, b| a.id.cmp(&b.id));

        let values: Vec<Vec<&str>> = people
            .iter()
            .map(|person| person.values.iter().map(|v| v.as_deref().unwrap_or("-")).collect())
            .collect();
        // In the order of the attributes: given name, date of birth, phones, e-mail.
        assert_eq!(
            values,
            [
                ["Idalia", "1980-03-12", "617-555-0177", "-", "-"],
                ["-", "2001-01-01", "-", "-", "-"]
            ]
        );
        assert!(!format!("{people:?}").contains("Idalia"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_without_changes_of_values_leaves_the_first_row_as_it_is() {
    on_both(TWO, async |mut world: World| {
        world.duplicates_mut().other_columns = OtherColumns::Keep;
        let row = "select * from patient where id = 1";
        let before = world.ask(row).await;

        world.merge("m", &[1, 2], Arc::new(first_survives)).await;

        assert_eq!(world.ask(row).await, before);
    })
    .await;
}
