//! One preset in words.

use crate::api::pages::{Moment, Span};
use crate::webhooks::{PresetView, SwitchState};

/// A preset as it stands on the page.
#[derive(Debug)]
pub(in crate::api::app) struct PresetLine {
    pub(in crate::api::app) id: &'static str,
    pub(in crate::api::app) name: &'static str,
    pub(in crate::api::app) about: &'static str,
    /// How much of it stands.
    pub(in crate::api::app) label: &'static str,
    /// `good`, `wait` or `off`: the colour, which says no more than the label.
    pub(in crate::api::app) tone: &'static str,
    pub(in crate::api::app) last_delivery: Option<Moment>,
    pub(in crate::api::app) lag: Option<String>,
    pub(in crate::api::app) deliveries: i64,
    pub(in crate::api::app) owners: String,
    /// What is wrong with it, in sentences.
    pub(in crate::api::app) notes: Vec<String>,
    /// Enables its app, when that is what is missing.
    pub(in crate::api::app) command: Option<String>,
    pub(in crate::api::app) can_switch_on: bool,
    /// Something of it is asked for, so there is something to tell of it, too.
    pub(in crate::api::app) can_switch_off: bool,
    /// Switching it on makes changes findable sooner.
    pub(in crate::api::app) is_recommended: bool,
}

impl PresetLine {
    /// `view` in words, for a server that syncs these sources.
    pub(super) fn new(view: &PresetView, sources: &[&str]) -> Self {
        let (label, tone) = match view.state {
            SwitchState::On => ("On", "good"),
            SwitchState::Partly => ("Partly on", "wait"),
            SwitchState::Off => ("Off", "off"),
        };
        let stands = view.state != SwitchState::Off;
        let mut notes: Vec<String> = view
            .problems
            .iter()
            .map(|problem| {
                let problem = problem.trim_end_matches('.');
                format!("Nextcloud does not have all of it: {problem}.")
            })
            .collect();
        let app_is_missing = view.app_is_enabled == Some(false);
        let is_indexed = view.preset.is_indexed(sources);
        if !is_indexed && (stands || !app_is_missing) {
            notes.push("This server does not index it: what comes is counted and dropped.".to_owned());
        }
        if app_is_missing {
            notes.push(format!(
                "The app {} is not enabled at Nextcloud.",
                view.preset.app
            ));
        }
        Self {
            id: view.preset.id,
            name: view.preset.name,
            about: view.preset.about,
            label,
            tone,
            last_delivery: view.last_delivery_at.map(Moment),
            lag: view.lag.map(|lag| Span(lag).text()),
            deliveries: view.deliveries,
            owners: list(view.owners.iter().map(ToString::to_string)),
            notes,
            command: app_is_missing.then(|| format!("occ app:enable {}", view.preset.app)),
            can_switch_on: view.state != SwitchState::On && !app_is_missing,
            can_switch_off: stands,
            is_recommended: is_indexed,
        }
    }
}

/// `a, b and c`.
pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    let mut items: Vec<String> = items.collect();
    match items.pop() {
        Some(last) if !items.is_empty() => format!("{} and {last}", items.join(", ")),
        Some(last) => last,
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::UserId;
    use crate::webhooks::Preset;
    use std::collections::BTreeSet;

    fn view(state: SwitchState, app: Option<bool>) -> PresetView {
        PresetView {
            preset: Preset::find("deck_sync").unwrap(),
            state,
            app_is_enabled: app,
            last_delivery_at: None,
            lag: Some(chrono::TimeDelta::seconds(90)),
            deliveries: 0,
            owners: ["admin", "bob"].into_iter().map(UserId::new).collect(),
            problems: BTreeSet::new(),
        }
    }

    #[test]
    fn a_preset_whose_app_is_missing_cannot_be_switched_on() {
        let line = PresetLine::new(&view(SwitchState::Off, Some(false)), &["files"]);
        assert!(!line.can_switch_on && !line.can_switch_off);
        assert_eq!(line.command.as_deref(), Some("occ app:enable deck"));
        assert_eq!(line.notes, ["The app deck is not enabled at Nextcloud."]);
        assert!(!line.is_recommended);
        let unknown = PresetLine::new(&view(SwitchState::Partly, None), &["files", "deck"]);
        assert!(unknown.can_switch_on && unknown.can_switch_off);
        assert!(unknown.notes.is_empty() && unknown.command.is_none());
        assert_eq!(
            (unknown.owners.as_str(), unknown.lag.as_deref()),
            ("admin and bob", Some("2 min"))
        );
    }

    #[test]
    fn lists_read_as_people_write_them() {
        let of = |items: &[&str]| list(items.iter().map(|item| (*item).to_owned()));
        assert_eq!(of(&[]), "");
        assert_eq!(of(&["a"]), "a");
        assert_eq!(of(&["a", "b", "c"]), "a, b and c");
    }
}
