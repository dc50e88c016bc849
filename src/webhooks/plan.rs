//! What has to be done so that Nextcloud has what was asked for, once each, and nothing else of ours.

use super::registration::{Registration, RegistrationState};
use crate::ids::UserId;
use crate::nextcloud::Webhook;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashSet;

/// After this an event that Nextcloud did not know is tried again: its app may have been enabled.
const RETRY_REFUSED: TimeDelta = TimeDelta::days(1);

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Delete a webhook that is a double, a leftover, or not wanted any more.
    Delete(i64),
    /// The row says that it stands, or is to be removed, and nothing stands.
    Gone(&'a Registration),
    /// Register.
    Create(&'a Registration),
    /// Register in place of what stands: an old secret, another event, or in the name of somebody whose consent ended.
    Update(&'a Registration, i64),
}

impl PartialEq for Registration {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Registration {}

/// The steps from `standing`, all that Nextcloud has with our URI, to `wanted`. Rows of `retired` owners go over to the
/// one who does the work.
pub(super) fn plan<'a>(
    wanted: &'a [Registration],
    standing: &[Webhook],
    uri: &str,
    retired: &[UserId],
    now: DateTime<Utc>,
) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    let mut kept = HashSet::new();
    for row in wanted {
        let found = row
            .nextcloud_id
            .and_then(|id| standing.iter().find(|webhook| webhook.id == id));
        match (row.state, found) {
            (RegistrationState::Removing, Some(webhook)) => {
                kept.insert(webhook.id);
                steps.extend([Step::Delete(webhook.id), Step::Gone(row)]);
            }
            (RegistrationState::Removing, None) => steps.push(Step::Gone(row)),
            (RegistrationState::Refused, _) => {
                if row.problem_since.is_none_or(|since| now - since >= RETRY_REFUSED) {
                    steps.push(Step::Create(row));
                }
            }
            (_, Some(webhook)) => {
                kept.insert(webhook.id);
                let outdated = row.state != RegistrationState::Active
                    || retired.contains(&row.owner)
                    || !is_as_registered(webhook, row, uri);
                if outdated {
                    steps.push(Step::Update(row, webhook.id));
                }
            }
            (_, None) => {
                if row.nextcloud_id.is_some() {
                    steps.push(Step::Gone(row));
                }
                steps.push(Step::Create(row));
            }
        }
    }
    // First, so that a webhook is not delivered twice while another is made.
    let leftovers = standing.iter().filter(|webhook| !kept.contains(&webhook.id));
    let mut all: Vec<Step<'_>> = leftovers.map(|webhook| Step::Delete(webhook.id)).collect();
    all.append(&mut steps);
    all
}

/// Whether somebody changed it at Nextcloud.
fn is_as_registered(webhook: &Webhook, row: &Registration, uri: &str) -> bool {
    webhook.uri == uri
        && webhook.event == row.selector.event()
        && webhook.event_filter() == row.selector.filter()
        && webhook.http_method == "POST"
        && webhook.auth_method == "header"
        && webhook.user_id_filter.as_deref().unwrap_or_default().is_empty()
}

#[cfg(test)]
mod tests {
    use super::super::registration::{EventSelector, RegistrationId, WantedBy};
    use super::*;
    use serde_json::json;

    const URI: &str = "http://mcp/webhooks/nextcloud";

    fn now() -> DateTime<Utc> {
        "2026-11-23T05:00:00Z".parse().unwrap()
    }

    fn row(id: &str, nextcloud_id: Option<i64>, state: RegistrationState) -> Registration {
        Registration {
            id: RegistrationId::new(id),
            owner: UserId::new("admin"),
            selector: EventSelector::new(&format!("OCP\\{id}"), None).unwrap(),
            wanted_by: WantedBy::User,
            nextcloud_id,
            state,
            problem: None,
            problem_since: None,
            last_delivery_at: None,
            last_event_at: None,
            deliveries: 0,
            created_at: now(),
        }
    }

    fn hook(id: i64, name: &str) -> Webhook {
        serde_json::from_value(json!({
            "id": id, "userId": "admin", "httpMethod": "POST", "uri": URI, "event": format!("OCP\\{name}"),
            "eventFilter": [], "userIdFilter": "", "authMethod": "header",
        }))
        .unwrap()
    }

    fn steps<'a>(wanted: &'a [Registration], standing: &[Webhook]) -> Vec<Step<'a>> {
        plan(wanted, standing, URI, &[], now())
    }

    #[test]
    fn what_stands_as_asked_for_is_left_alone() {
        let wanted = [row("a", Some(1), RegistrationState::Active)];
        assert_eq!(steps(&wanted, &[hook(1, "a")]), []);
    }

    #[test]
    fn what_is_missing_is_made_and_doubles_and_leftovers_go_first() {
        let wanted = [
            row("a", Some(1), RegistrationState::Active),
            row("b", Some(7), RegistrationState::Active),
            row("c", None, RegistrationState::Pending),
        ];
        let standing = [hook(1, "a"), hook(2, "a"), hook(3, "old")];
        let [_, b, c] = &wanted;
        let expected = [
            Step::Delete(2),
            Step::Delete(3),
            Step::Gone(b),
            Step::Create(b),
            Step::Create(c),
        ];
        assert_eq!(steps(&wanted, &standing), expected);
    }

    #[test]
    fn what_is_not_wanted_any_more_is_removed_once() {
        let wanted = [
            row("a", Some(1), RegistrationState::Removing),
            row("b", Some(2), RegistrationState::Removing),
            row("c", None, RegistrationState::Removing),
        ];
        let [a, b, c] = &wanted;
        let expected = [Step::Delete(1), Step::Gone(a), Step::Gone(b), Step::Gone(c)];
        assert_eq!(steps(&wanted, &[hook(1, "a")]), expected);
    }

    #[test]
    fn what_is_outdated_or_was_changed_is_registered_anew_in_place() {
        let stale = [row("a", Some(1), RegistrationState::Stale)];
        assert_eq!(steps(&stale, &[hook(1, "a")]), [Step::Update(&stale[0], 1)]);
        let active = [row("a", Some(1), RegistrationState::Active)];
        let mut filtered = hook(1, "a");
        filtered.user_id_filter = Some("bob".into());
        let mut elsewhere = hook(1, "a");
        elsewhere.uri = "http://old/webhooks/nextcloud".into();
        for changed in [hook(1, "other"), filtered, elsewhere] {
            assert_eq!(steps(&active, &[changed]), [Step::Update(&active[0], 1)]);
        }
    }

    #[test]
    fn webhooks_of_an_ended_consent_go_over() {
        let wanted = [row("a", Some(1), RegistrationState::Active)];
        let adopted = plan(&wanted, &[hook(1, "a")], URI, &[UserId::new("admin")], now());
        assert_eq!(adopted, [Step::Update(&wanted[0], 1)]);
    }

    #[test]
    fn an_unknown_event_is_tried_again_a_day_later() {
        let mut wanted = [row("a", None, RegistrationState::Refused)];
        wanted[0].problem_since = Some(now() - TimeDelta::hours(23));
        assert_eq!(steps(&wanted, &[]), []);
        wanted[0].problem_since = Some(now() - TimeDelta::hours(24));
        assert_eq!(steps(&wanted, &[]), [Step::Create(&wanted[0])]);
    }
}
