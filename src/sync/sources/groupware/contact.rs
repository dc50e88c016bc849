//! The text of a contact: name, organisation, addresses, numbers, birthday, notes. Photos are not asked for.

use super::when;
use calcard::vcard::{VCard, VCardEntry, VCardParameterName, VCardProperty, VCardValue};
use calcard::{Entry, Parser};
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// A vCard as far as it becomes a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContactDocument {
    /// `FN`, or what comes nearest to it.
    pub(super) title: String,
    /// Markdown.
    pub(super) text: String,
    /// `REV`.
    pub(super) modified: Option<DateTime<Utc>>,
}

/// Reads a vCard; `None` when it is none.
pub(super) fn read(data: &str) -> Option<ContactDocument> {
    let card = card(data)?;
    let title = [
        VCardProperty::Fn,
        VCardProperty::Org,
        VCardProperty::Email,
        VCardProperty::Tel,
    ]
    .iter()
    .find_map(|property| card.property(property).and_then(|entry| words(entry, " ")))
    .or_else(|| name(&card))
    .unwrap_or_else(|| "Contact".to_owned());
    let mut text = format!("{title}\n\n");
    fact(&mut text, "Name", name(&card).filter(|name| *name != title));
    for (label, property, joint) in [
        ("Nickname", VCardProperty::Nickname, ", "),
        ("Organisation", VCardProperty::Org, ", "),
        ("Title", VCardProperty::Title, " "),
        ("Role", VCardProperty::Role, " "),
        ("Email", VCardProperty::Email, " "),
        ("Phone", VCardProperty::Tel, " "),
        ("Messenger", VCardProperty::Impp, " "),
        ("Address", VCardProperty::Adr, ", "),
        ("Link", VCardProperty::Url, " "),
        ("Categories", VCardProperty::Categories, ", "),
    ] {
        for entry in card.properties(&property) {
            let value = words(entry, joint).map(|value| value + &kind(entry));
            fact(&mut text, label, value);
        }
    }
    fact(&mut text, "Birthday", day(&card, &VCardProperty::Bday));
    fact(&mut text, "Anniversary", day(&card, &VCardProperty::Anniversary));
    for note in card.properties(&VCardProperty::Note).filter_map(lines) {
        let _ = write!(text, "\n{note}\n");
    }
    let modified = card
        .property(&VCardProperty::Rev)
        .and_then(|entry| entry.values.first()?.as_partial_date_time()?.to_timestamp())
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    Some(ContactDocument {
        title,
        text,
        modified,
    })
}

fn card(data: &str) -> Option<VCard> {
    let mut parser = Parser::new(data);
    loop {
        match parser.entry() {
            Entry::VCard(card) => return Some(card),
            Entry::Eof | Entry::TooManyComponents => return None,
            _ => {}
        }
    }
}

fn fact(out: &mut String, name: &str, value: Option<String>) {
    if let Some(value) = value {
        // A String never fails to be written to.
        let _ = writeln!(out, "- {name}: {value}");
    }
}

/// All texts of a property in one line.
fn words(entry: &VCardEntry, joint: &str) -> Option<String> {
    let texts = entry.values.iter().flat_map(|value| match value {
        VCardValue::Component(parts) => parts.iter().map(String::as_str).collect::<Vec<_>>(),
        other => other.as_text().into_iter().collect(),
    });
    let texts: Vec<String> = texts
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|text| !text.is_empty())
        .collect();
    (!texts.is_empty()).then(|| texts.join(joint))
}

/// A text with its line breaks.
fn lines(entry: &VCardEntry) -> Option<String> {
    let text = entry.values.first()?.as_text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `N` in the order in which a name is said: prefix, given, additional, family, suffix (RFC 6350 §6.2.2).
fn name(card: &VCard) -> Option<String> {
    let entry = card.property(&VCardProperty::N)?;
    let part = |index: usize| match entry.values.get(index)? {
        VCardValue::Component(parts) => Some(parts.join(" ")),
        other => other.as_text().map(str::to_owned),
    };
    let parts: Vec<String> = [3, 1, 2, 0, 4]
        .into_iter()
        .filter_map(part)
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// ` (work)`, where the card says which it is.
fn kind(entry: &VCardEntry) -> String {
    let kinds: Vec<String> = entry
        .parameters(&VCardParameterName::Type)
        .filter_map(|kind| kind.as_text())
        .map(str::to_lowercase)
        .filter(|kind| !matches!(kind.as_str(), "voice" | "pref" | "internet"))
        .collect();
    if kinds.is_empty() {
        String::new()
    } else {
        format!(" ({})", kinds.join(", "))
    }
}

fn day(card: &VCard, property: &VCardProperty) -> Option<String> {
    let value = card.property(property)?.values.first()?;
    match value {
        VCardValue::PartialDateTime(day) => when::partial_day(day),
        other => other.as_text().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_told_in_lines() {
        let data = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:c1\r\nFN:Ann Lee\r\nN:Lee;Ann;Marie;Dr.;\r\n\
            ORG:Ferry Ltd;Harbour\r\nTITLE:Captain\r\nEMAIL;TYPE=WORK:ann@example.test\r\n\
            TEL;TYPE=HOME,VOICE:+49 30 1\r\nADR;TYPE=HOME:;;1 Pier Road;Kiel;;24103;Germany\r\nBDAY:19800203\r\n\
            NOTE:Met at the fair.\\nLikes tea.\r\nREV:20260102T030405Z\r\nEND:VCARD\r\n";
        let contact = read(data).unwrap();
        assert_eq!(contact.title, "Ann Lee");
        assert_eq!(
            contact.modified.unwrap().to_rfc3339(),
            "2026-01-02T03:04:05+00:00"
        );
        assert_eq!(
            contact.text,
            "Ann Lee\n\n- Name: Dr. Ann Marie Lee\n- Organisation: Ferry Ltd, Harbour\n- Title: Captain\n\
             - Email: ann@example.test (work)\n- Phone: +49 30 1 (home)\n\
             - Address: 1 Pier Road, Kiel, 24103, Germany (home)\n- Birthday: 3 February 1980\n\n\
             Met at the fair.\nLikes tea.\n"
        );
    }

    #[test]
    fn old_and_bare_cards_are_read_and_nonsense_is_not() {
        let old = "BEGIN:VCARD\nVERSION:3.0\nFN:Leon Green\nADR;TYPE=HOME:;;123 Street Street;City;State;;Country\n\
            EMAIL;TYPE=HOME:leon@example.com\nBDAY;VALUE=date:1604-05-06\nEND:VCARD\n";
        let contact = read(old).unwrap();
        assert!(
            contact
                .text
                .contains("- Address: 123 Street Street, City, State, Country (home)\n"),
            "{}",
            contact.text
        );
        assert!(contact.text.contains("- Birthday: 6 May\n"), "{}", contact.text);
        let company = read("BEGIN:VCARD\nVERSION:3.0\nFN:\nORG:Ferry Ltd\nEND:VCARD\n").unwrap();
        assert_eq!(company.title, "Ferry Ltd");
        for data in ["", "garbage", "BEGIN:VCALENDAR\nEND:VCALENDAR\n"] {
            assert_eq!(read(data), None);
        }
    }
}
