//! Presets switched as a whole, and what an administrator sees of them.

use super::*;
use chrono::TimeDelta;
use nextcloud_sim::AppEvent;

impl World {
    async fn switch(&self, uid: &str, preset: &str, on: bool) -> Result<(), WebhookError> {
        let (principal, origin) = (Principal::known_for_test(uid), AuditOrigin::default());
        let preset = Preset::find(preset).unwrap();
        if on {
            self.webhooks.switch_on(&principal, preset, &origin).await
        } else {
            self.webhooks.switch_off(&principal, preset, &origin).await
        }
    }

    async fn panel(&self, uid: &str) -> WebhookPanel {
        let principal = Principal::known_for_test(uid);
        self.webhooks.panel(&principal).await.unwrap()
    }

    async fn shown(&self, preset: &str) -> PresetView {
        let panel = self.panel("admin").await;
        let mut views = panel.presets.into_iter();
        views.find(|view| view.preset.id == preset).unwrap()
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_preset_goes_on_and_off_as_a_whole(pool: PgPool) {
    let world = World::new(pool).await;
    assert_eq!(world.shown("calendar_sync").await.state, SwitchState::Off);
    for _ in 0..2 {
        world.switch("admin", "calendar_sync", true).await.unwrap();
    }
    let view = world.shown("calendar_sync").await;
    assert_eq!(view.state, SwitchState::On);
    assert_eq!(
        view.owners.iter().map(UserId::as_str).collect::<Vec<_>>(),
        ["admin"]
    );
    assert_eq!(world.listed().await.len(), 3, "Astrolabe's switch shows the same");
    let id = world.standing()[0]["id"].as_i64().unwrap();
    world.sim.world().remove_webhook(id);
    assert_eq!(world.shown("calendar_sync").await.state, SwitchState::Partly);
    assert_eq!(world.shown("tables_sync").await.state, SwitchState::Off);
    world.switch("admin", "calendar_sync", false).await.unwrap();
    assert_eq!(world.shown("calendar_sync").await.state, SwitchState::Off);
    assert_eq!(world.standing().len(), 0, "companions went too");
    let lines: Vec<String> = sqlx::query_scalar(
        "select detail from audit_events where action = 'webhook_registration' order by id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(
        lines,
        [
            "switched the preset calendar_sync on",
            "switched the preset calendar_sync on",
            "switched the preset calendar_sync off"
        ]
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn what_nextcloud_does_not_have_is_asked_for_no_more(pool: PgPool) {
    let world = World::new(pool).await;
    let refused = world.switch("admin", "forms_sync", true).await;
    assert!(matches!(refused, Err(WebhookError::Refused(_))), "{refused:?}");
    assert!(world.webhooks.store().all().await.unwrap().is_empty());
    let fault = FaultRule::new(Effect::Status(500)).method("POST");
    world.sim.world().faults().set(fault);
    assert!(world.switch("admin", "tables_sync", true).await.is_err());
    assert!(world.webhooks.store().all().await.unwrap().is_empty());
    world.sim.world().faults().clear_all();
    world.switch("admin", "tables_sync", true).await.unwrap();
    assert_eq!(world.shown("tables_sync").await.state, SwitchState::On);
}

/// W10, on the panel: whoever may not manage webhooks neither sees nor switches any.
#[sqlx::test(migrations = "./migrations")]
async fn w10_only_who_manages_webhooks_sees_the_panel(pool: PgPool) {
    let world = World::new(pool).await;
    let alice = Principal::known_for_test("alice");
    assert!(matches!(
        world.webhooks.panel(&alice).await,
        Err(WebhookError::ConsentNeeded)
    ));
    world.consent("alice").await;
    assert!(matches!(
        world.webhooks.panel(&alice).await,
        Err(WebhookError::Forbidden(_))
    ));
    assert!(matches!(
        world.switch("alice", "files_sync", true).await,
        Err(WebhookError::Forbidden(_))
    ));
    assert!(matches!(
        world.webhooks.put_right(&alice).await,
        Err(WebhookError::Forbidden(_))
    ));
    assert!(world.webhooks.store().all().await.unwrap().is_empty());
    assert!(!world.webhooks.is_administrator(&UserId::new("alice")).await);
    assert!(world.webhooks.is_administrator(&UserId::new("admin")).await);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_preset_that_is_switched_on_counts_silence_from_then_on(pool: PgPool) {
    let world = World::new(pool).await;
    let now = world.clock.now();
    let found = async |minutes: i64| {
        sqlx::query(
            "insert into unannounced_changes (doc_type, changes, first_found_at, last_found_at) values ('file', 2, $1, $1)",
        )
        .bind(now + TimeDelta::minutes(minutes))
        .execute(&world.pool)
        .await
        .unwrap();
    };
    found(-60).await;
    world.switch("admin", "files_sync", true).await.unwrap();
    assert_eq!(world.panel("admin").await.health.silent, []);
    found(0).await;
    world.clock.advance(Duration::from_mins(20));
    let silent = world.panel("admin").await.health.silent;
    assert_eq!((silent.len(), silent[0].changes), (1, 2));
}

/// What happens in apps is queued for the preset that asks for it, and for nothing else.
#[sqlx::test(migrations = "./migrations")]
async fn events_of_apps_reach_their_presets(pool: PgPool) {
    let world = World::new(pool).await;
    for preset in ["calendar_sync", "deck_sync", "tables_sync"] {
        world.switch("admin", preset, true).await.unwrap();
    }
    let nextcloud = world.sim.world();
    for event in [
        AppEvent::calendar_object_moved_to_trash("a.ics", "BEGIN:VCALENDAR"),
        AppEvent::card_updated(6, "Card"),
        AppEvent::row_deleted(1, 1, "gone"),
        AppEvent::tag_assigned(150, 1),
    ] {
        nextcloud.happen("alice", &event);
    }
    let classes: Vec<String> = nextcloud
        .queued_payloads()
        .iter()
        .map(|payload| payload["event"]["class"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        classes,
        [
            r"OCP\Calendar\Events\CalendarObjectMovedToTrashEvent",
            r"OCA\Deck\Event\CardUpdatedEvent",
            r"OCA\Tables\Event\RowDeletedEvent"
        ]
    );
}
