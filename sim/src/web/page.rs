//! HTML pages and redirects as Nextcloud's controllers send them.

use crate::dav::escape;
use crate::http::{NO_CACHE, Reply};

/// A page; `request_token` stands where Nextcloud's scripts read it, empty for guests of an error page.
pub(crate) fn page(title: &str, request_token: &str, body: &str) -> Reply {
    let html = format!(
        "<!DOCTYPE html>\n<html class=\"ng-csp\" lang=\"en\">\n\
         <head data-requesttoken=\"{}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1.0\">\n<title>{}</title>\n</head>\n\
         <body>\n{body}\n</body>\n</html>\n",
        escape(request_token),
        escape(title)
    );
    Reply::new(200, "text/html; charset=UTF-8", html).with("cache-control", NO_CACHE)
}

/// 303 to `location`.
pub(crate) fn redirect(location: impl Into<String>) -> Reply {
    Reply::new(303, "text/html; charset=UTF-8", "")
        .with("cache-control", NO_CACHE)
        .with("location", location)
}
