//! What is wrong with webhooks, and the one line that helps.

use super::line::list;
use crate::api::pages::{Moment, Span};
use crate::ids::UserId;
use crate::webhooks::{LOCAL_COMMAND, Silence, WORKER_COMMAND, WebhookPanel, is_local};

/// One thing to type, with the reason.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::api::app) struct Remedy {
    pub(in crate::api::app) reason: &'static str,
    pub(in crate::api::app) command: &'static str,
}

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::api::app) struct Advice {
    /// What happened, in a few words.
    pub(in crate::api::app) title: String,
    /// What it means.
    pub(in crate::api::app) text: String,
    /// What to type.
    pub(in crate::api::app) remedies: Vec<Remedy>,
    /// A consent is what helps.
    pub(in crate::api::app) needs_consent: bool,
    /// The button that does the upkeep now is what helps.
    pub(in crate::api::app) needs_upkeep: bool,
}

impl Advice {
    fn new(title: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            text: text.into(),
            remedies: Vec::new(),
            needs_consent: false,
            needs_upkeep: false,
        }
    }

    fn typed(mut self, reason: &'static str, command: &'static str) -> Self {
        self.remedies.push(Remedy { reason, command });
        self
    }

    /// The app of webhooks is not enabled.
    pub(super) fn no_app() -> Self {
        Self::new(
            "Nextcloud has no webhooks",
            "The app that makes them is not enabled.",
        )
        .typed("Enable it:", "occ app:enable webhook_listeners")
    }

    /// The viewer's own consent has ended, and webhooks stand in the viewer's name.
    pub(super) fn own_consent_ended() -> Self {
        Self {
            needs_consent: true,
            ..Self::new(
                "Your access has ended",
                "Webhooks stand in your name. They go on delivering, but this server cannot look after them until you \
                 allow access again, or another administrator does.",
            )
        }
    }

    /// Nextcloud does not answer.
    pub(super) fn unreachable() -> Self {
        Self::new(
            "Nextcloud cannot be asked now",
            "The presets are shown again as soon as it answers.",
        )
    }

    /// The consents of others in whose names webhooks stand have ended. The viewer's stands, so it is used.
    pub(super) fn adoption(ended: &[UserId]) -> Self {
        let owners = list(ended.iter().map(ToString::to_string));
        Self {
            needs_upkeep: true,
            ..Self::new(
                "Adoption under way",
                format!(
                    "The access of {owners}, in whose name webhooks stand, has ended. They go on delivering meanwhile. \
                     Your access stands, so it is used to take them over within ten minutes."
                ),
            )
        }
    }
}

/// What can be told from the panel.
pub(super) fn advice(panel: &WebhookPanel) -> Vec<Advice> {
    let mut all = Vec::new();
    if !panel.health.silent.is_empty() {
        all.push(silence(&panel.health.silent, &panel.receiver));
    } else if panel.health.is_late() {
        let lag = panel.health.lag.map(|lag| Span(lag).text()).unwrap_or_default();
        all.push(
            Advice::new(
                "Deliveries come late",
                format!("The last one took {lag}. They wait for cron, which runs every few minutes."),
            )
            .typed("A worker beside it delivers at once:", WORKER_COMMAND),
        );
    }
    if panel.is_unsettled {
        all.push(Advice {
            needs_upkeep: true,
            ..Advice::new(
                "Not everything stands as asked for",
                "It is put right within ten minutes.",
            )
        });
    }
    all
}

fn silence(silent: &[Silence], receiver: &str) -> Advice {
    let types = list(silent.iter().map(|silence| words(&silence.doc_type).to_owned()));
    let changes: i64 = silent.iter().map(|silence| silence.changes).sum();
    let since = silent.iter().map(|silence| silence.since).min();
    let since = since.map(|at| Moment(at).text()).unwrap_or_default();
    let last = silent.iter().filter_map(|silence| silence.last_delivery_at).max();
    let last = last.map_or_else(
        || "None has ever come.".to_owned(),
        |at| format!("The last one came on {}.", Moment(at).text()),
    );
    let found = if changes == 1 {
        "1 change".to_owned()
    } else {
        format!("{changes} changes")
    };
    let advice = Advice::new(
        "Webhooks stay silent",
        format!(
            "Scans have found {found} of {types} since {since}, and Nextcloud delivered nothing about them. {last} \
             Nothing is lost: scans find every change, only later."
        ),
    )
    .typed("Usually no background worker runs. Start one:", WORKER_COMMAND);
    if is_local(receiver) {
        advice.typed(
            "Nextcloud delivers to an address of its own network only when this is set:",
            LOCAL_COMMAND,
        )
    } else {
        advice
    }
}

fn words(doc_type: &str) -> &str {
    match doc_type {
        "file" => "files",
        "note" => "notes",
        "calendar" => "calendars",
        "deck_card" => "cards",
        "table_row" => "tables",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};

    fn panel(silent: Vec<Silence>, receiver: &str) -> WebhookPanel {
        WebhookPanel {
            presets: Vec::new(),
            health: crate::webhooks::WebhookHealth {
                silent,
                ..crate::webhooks::WebhookHealth::default()
            },
            receiver: receiver.to_owned(),
            is_unsettled: false,
        }
    }

    fn commands(advice: &[Advice]) -> Vec<&str> {
        advice
            .iter()
            .flat_map(|advice| &advice.remedies)
            .map(|remedy| remedy.command)
            .collect()
    }

    #[test]
    fn silence_comes_with_the_line_that_starts_a_worker() {
        let silent = |doc_type: &str| Silence {
            doc_type: doc_type.to_owned(),
            changes: 2,
            since: DateTime::from_timestamp(1_795_000_000, 0).unwrap(),
            last_delivery_at: None,
        };
        let public = panel(vec![silent("file"), silent("note")], "https://mcp.example.org/x");
        let told = advice(&public);
        assert_eq!(commands(&told), [WORKER_COMMAND]);
        assert!(
            told[0].text.contains("4 changes of files and notes"),
            "{}",
            told[0].text
        );
        let local = panel(vec![silent("file")], "http://mcp:8000/x");
        assert_eq!(commands(&advice(&local)), [WORKER_COMMAND, LOCAL_COMMAND]);
        assert_eq!(advice(&panel(Vec::new(), "http://mcp:8000/x")), []);
    }

    #[test]
    fn lateness_and_what_is_unsettled_are_told() {
        let mut late = panel(Vec::new(), "http://mcp/");
        late.health.lag = Some(TimeDelta::minutes(4));
        late.is_unsettled = true;
        let told = advice(&late);
        assert_eq!(commands(&told), [WORKER_COMMAND]);
        assert!(told[0].text.contains("4 min"), "{}", told[0].text);
        assert!(told[1].needs_upkeep);
    }
}
