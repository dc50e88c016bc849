//! Cookies by origin: name, value, `Path` and deletion; expiry dates in the future are not watched.

use std::collections::BTreeMap;

use url::Url;

#[derive(Debug, Default)]
pub(super) struct CookieJar {
    by_origin: BTreeMap<String, BTreeMap<String, Cookie>>,
}

#[derive(Debug)]
struct Cookie {
    value: String,
    path: String,
}

impl CookieJar {
    /// Obeys one `Set-Cookie` header.
    pub(super) fn store(&mut self, url: &Url, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let mut path = "/".to_owned();
        let mut deleted = false;
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => value.clone_into(&mut path),
                "max-age" => deleted = value.parse().is_ok_and(|seconds: i64| seconds <= 0),
                _ => {}
            }
        }
        let cookies = self
            .by_origin
            .entry(url.origin().ascii_serialization())
            .or_default();
        if deleted {
            cookies.remove(name);
        } else {
            let value = value.to_owned();
            cookies.insert(name.to_owned(), Cookie { value, path });
        }
    }

    /// `name=value` of each cookie for this URL.
    pub(super) fn for_url(&self, url: &Url) -> Vec<String> {
        let Some(cookies) = self.by_origin.get(&url.origin().ascii_serialization()) else {
            return Vec::new();
        };
        cookies
            .iter()
            .filter(|(_, cookie)| covers(&cookie.path, url.path()))
            .map(|(name, cookie)| format!("{name}={}", cookie.value))
            .collect()
    }
}

/// RFC 6265 §5.1.4.
fn covers(path: &str, requested: &str) -> bool {
    match requested.strip_prefix(path) {
        Some(rest) => rest.is_empty() || path.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_stay_with_their_origin_and_path() {
        let mut jar = CookieJar::default();
        let here = Url::parse("http://127.0.0.1:1/oauth/start").unwrap();
        jar.store(&here, "a=1; Path=/oauth; HttpOnly");
        jar.store(&here, "b=2; path=/");
        assert_eq!(jar.for_url(&here), ["a=1", "b=2"]);
        assert_eq!(
            jar.for_url(&Url::parse("http://127.0.0.1:1/oauthx").unwrap()),
            ["b=2"]
        );
        assert!(
            jar.for_url(&Url::parse("http://127.0.0.1:2/oauth").unwrap())
                .is_empty()
        );
        jar.store(&here, "b=; Max-Age=0");
        assert_eq!(jar.for_url(&here), ["a=1"]);
    }
}
