//! Mail messages (RFC 5322) → Markdown: subject, people and date, then the body; attachments by name.

use super::guard::guarded;
use super::{SkipReason, html};
use kreuzberg::extraction::email::extract_email_content;
use kreuzberg::types::EmailExtractionResult;

/// # Errors
/// [`SkipReason::Malformed`] for what is no message.
pub(super) fn to_markdown(bytes: &[u8]) -> Result<String, SkipReason> {
    let message = guarded(|| {
        extract_email_content(bytes, "message/rfc822", None).map_err(|_unreadable| SkipReason::Malformed)
    })?;
    let body = body(&message)?;
    let mut out = String::new();
    if let Some(subject) = message
        .subject
        .as_deref()
        .map(str::trim)
        .filter(|subject| !subject.is_empty())
    {
        out = format!("# {subject}\n\n");
    }
    let sender = message.from_email.clone().into_iter().collect();
    let date = message.date.clone().into_iter().collect();
    let attachments = message
        .attachments
        .iter()
        .filter_map(|attachment| attachment.filename.clone().or_else(|| attachment.name.clone()))
        .collect();
    let fields: [(&str, Vec<String>); 5] = [
        ("From", sender),
        ("To", message.to_emails),
        ("Cc", message.cc_emails),
        ("Date", date),
        ("Attachments", attachments),
    ];
    for (name, values) in fields {
        if !values.is_empty() {
            out.extend(["- ", name, ": ", &values.join(", "), "\n"]);
        }
    }
    if out.is_empty() && body.trim().is_empty() {
        return Err(SkipReason::Malformed);
    }
    out.push('\n');
    out.push_str(body.trim());
    Ok(out)
}

/// The text that the sender wrote; of a message in HTML only, its Markdown.
fn body(message: &EmailExtractionResult) -> Result<String, SkipReason> {
    let plain = message
        .plain_text
        .as_deref()
        .filter(|text| !text.trim().is_empty());
    match (plain, message.html_content.as_deref()) {
        (Some(plain), _) => Ok(plain.to_owned()),
        (None, Some(markup)) => html::to_markdown(markup),
        (None, None) => Ok(message.cleaned_text.clone()),
    }
}
