//! What comes back, what stays, and what stands in the way.

use shared::error_code::ErrorCode;

use crate::support::on_both;
use engine::merge::Since;

const THREE: &str = "
insert into clinic values (1, 'North');
insert into account values (10, 'ida@example.org', 'Ida', null), (20, null, 'Idalia', null);
insert into patient values
    (1, 'a', 1, 10, null, '1980-03-12', '617-555-0142', null, null),
    (2, 'b', 1, 20, null, '1980-03-12', '617-555-0177', null, 'yes'),
    (3, 'c', 1, null, 2, '1980-03-12', null, null, null);
insert into visit values (1, 1, 'first', 0.1), (2, 2, 'second', 0.2), (4, 2, 'third', 0.2);
insert into consent values (1, 1, 'paper'), (2, 2, 'online');
insert into log values (2, 'called'), (1, 'called');
";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_since_stays_and_is_named() {
    on_both(THREE, async |world| {
        let merge = world.merged(&[1, 2]).await;
        world
            .run(
                "update visit set note = 'changed' where id = 2;
                 delete from visit where id = 4;
                 insert into visit values (9, 1, 'new', null);
                 update patient set phone = '617-555-0199' where id = 1;",
            )
            .await
            .unwrap();

        let found = world.take_back(&merge.order.id).await.unwrap();

        let visits = "select id, patient_id, note from visit order by id";
        assert_eq!(world.ask(visits).await, ["1 1 first", "2 2 changed", "9 1 new"]);
        assert_eq!(world.ask("select phone from patient where id = 1").await, ["617-555-0199"]);
        assert_eq!(world.ask("select phone from patient where id = 2").await, ["617-555-0177"]);
        assert_eq!(world.ask("select insured from patient order by id").await, ["-", "yes", "-"]);
        let remarks: Vec<_> =
            found.remarks.iter().map(|r| (r.table.name.as_str(), &r.what, r.rows)).collect();
        assert_eq!(
            remarks,
            [("patient", &Since::Changed("phone".to_owned()), 1), ("visit", &Since::Gone, 1)]
        );
        let again = world.take_back(&merge.order.id).await.unwrap_err();
        assert_eq!(again.code(), ErrorCode::Load031);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_given_to_somebody_else_since_stays_there() {
    on_both(THREE, async |world| {
        let merge = world.merged(&[1, 2]).await;
        world.run("update visit set patient_id = 3 where id = 2").await.unwrap();

        let found = world.take_back(&merge.order.id).await.unwrap();

        let visits = "select id, patient_id from visit order by id";
        assert_eq!(world.ask(visits).await, ["1 1", "2 3", "4 2"]);
        assert_eq!(found.remarks[0].what, Since::RefersElsewhere);
        assert!(found.remarks[0].to_string().contains("another person"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_taken_since_stands_in_the_way_and_nothing_changes() {
    on_both(THREE, async |world| {
        let merge = world.merged(&[1, 2]).await;
        world.run("insert into patient (id, code, clinic_id) values (7, 'b', 1)").await.unwrap();
        let before = world.dump().await;

        let error = world.take_back(&merge.order.id).await.unwrap_err();

        assert_eq!(error.code(), ErrorCode::Load031);
        assert!(error.to_string().contains("clinic_id, code"), "{error}");
        assert_eq!(world.dump().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_went_since_stands_in_the_way_and_is_named() {
    let rows = format!(
        "{THREE} insert into clinic values (5, 'Closing'); update patient set clinic_id = 5 where id = 2;"
    );
    on_both(&rows, async |world| {
        let merge = world.merged(&[1, 2]).await;
        world.run("delete from clinic where id = 5").await.unwrap();

        let error = world.take_back(&merge.order.id).await.unwrap_err();

        assert_eq!(error.code(), ErrorCode::Load031);
        assert!(error.to_string().contains("clinic"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_later_merges_stand_on_is_taken_back_after_them() {
    on_both(THREE, async |world| {
        let before = world.dump().await;
        let first = world.merged(&[1, 2]).await;
        let second = world.merged(&[3, 1]).await;

        let refused = world.take_back(&first.order.id).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Load031);
        assert!(refused.to_string().contains(&second.order.id), "{refused}");

        world.take_back(&second.order.id).await.unwrap();
        world.take_back(&first.order.id).await.unwrap();
        assert_eq!(world.dump().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn merges_that_have_nothing_in_common_are_taken_back_in_any_order() {
    let rows = format!(
        "{THREE}
         insert into patient values (4, 'd', 1, null, null, null, '4', null, null),
                                    (5, 'e', 1, null, null, null, '5', null, null);"
    );
    on_both(&rows, async |world| {
        let before = world.dump().await;
        let first = world.merged(&[1, 2]).await;
        let second = world.merged(&[4, 5]).await;

        world.take_back(&first.order.id).await.unwrap();
        world.take_back(&second.order.id).await.unwrap();

        assert_eq!(world.dump().await, before);
    })
    .await;
}
