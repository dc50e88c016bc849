//! Sabre's error documents.

use super::escape;
use crate::http::Reply;

/// An error document with exception and message.
pub(crate) fn error(status: u16, exception: &str, message: &str) -> Reply {
    document(status, exception, message, "", "")
}

/// A resource that is not there, or not for this user.
pub(super) fn not_found(message: &str) -> Reply {
    error(404, "Sabre\\DAV\\Exception\\NotFound", message)
}

/// The usual message about a missing path.
pub(super) fn no_such_file(path: &str) -> Reply {
    not_found(&format!("File with name {path} could not be located"))
}

pub(super) fn forbidden(message: &str) -> Reply {
    error(403, "Sabre\\DAV\\Exception\\Forbidden", message)
}

pub(super) fn conflict(message: &str) -> Reply {
    error(409, "Sabre\\DAV\\Exception\\Conflict", message)
}

pub(super) fn bad_request(message: &str) -> Reply {
    error(400, "Sabre\\DAV\\Exception\\BadRequest", message)
}

/// 412, naming the header whose condition failed, if one did.
pub(super) fn precondition_failed(header: &str, message: &str) -> Reply {
    let extra = if header.is_empty() {
        String::new()
    } else {
        format!("  <s:header>{header}</s:header>\n")
    };
    document(
        412,
        "Sabre\\DAV\\Exception\\PreconditionFailed",
        message,
        "",
        &extra,
    )
}

/// A sync token that cannot be one.
pub(super) fn invalid_sync_token() -> Reply {
    document(
        403,
        "Sabre\\DAV\\Exception\\InvalidSyncToken",
        "Invalid or unknown sync token",
        "",
        "  <d:valid-sync-token/>\n",
    )
}

/// The throttled answer, which looks a little different.
pub(super) fn too_many_requests() -> Reply {
    document(
        429,
        "OCA\\DAV\\Connector\\Sabre\\Exception\\TooManyRequests",
        "",
        " xmlns:o=\"http://owncloud.org/ns\"",
        "  <o:hint xmlns:o=\"o:\">too many requests</o:hint>\n",
    )
}

fn document(status: u16, exception: &str, message: &str, namespaces: &str, extra: &str) -> Reply {
    let message = if message.is_empty() {
        "<s:message/>".to_owned()
    } else {
        format!("<s:message>{}</s:message>", escape(message))
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\"{namespaces}>\n  \
         <s:exception>{exception}</s:exception>\n  {message}\n{extra}</d:error>\n"
    );
    Reply::new(status, "application/xml; charset=utf-8", body)
}
