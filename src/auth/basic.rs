//! The `Authorization: Basic` header (RFC 7617).

use crate::ids::LoginName;
use crate::nextcloud::Credential;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use zeroize::Zeroizing;

/// Bytes of the longest header value that is read.
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Why a header value holds no Basic credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BasicHeaderError {
    /// Another scheme.
    #[error("another authentication scheme")]
    OtherScheme,
    /// Larger than 8 KiB.
    #[error("larger than 8 KiB")]
    TooLarge,
    /// Not base64 of `name:password` in UTF-8; the text says which part.
    #[error("{0}")]
    Malformed(&'static str),
    /// An empty name or password.
    #[error("the login name or the password is empty")]
    Empty,
}

/// Reads login name and password from a header value. The scheme's case does not matter, base64 is strict, the
/// first colon splits, so a password may hold colons.
pub fn parse_basic(value: &[u8]) -> Result<Credential, BasicHeaderError> {
    if value.len() > MAX_HEADER_BYTES {
        return Err(BasicHeaderError::TooLarge);
    }
    let value = std::str::from_utf8(value)
        .map_err(|_| BasicHeaderError::Malformed("it is not ASCII"))?
        .trim();
    let (scheme, encoded) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(BasicHeaderError::OtherScheme);
    }
    let decoded = STANDARD
        .decode(encoded.trim_start())
        .map(Zeroizing::new)
        .map_err(|_| BasicHeaderError::Malformed("the credentials are not valid base64"))?;
    let text = std::str::from_utf8(&decoded)
        .map_err(|_| BasicHeaderError::Malformed("the credentials are not valid UTF-8"))?;
    let (name, password) = text
        .split_once(':')
        .ok_or(BasicHeaderError::Malformed("the credentials hold no colon"))?;
    if name.is_empty() || password.is_empty() {
        return Err(BasicHeaderError::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(BasicHeaderError::Malformed(
            "the credentials hold control characters",
        ));
    }
    Ok(Credential::Basic {
        login_name: LoginName::new(name),
        password: SecretString::from(password),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn header(text: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(text)).into_bytes()
    }

    fn parts(value: &[u8]) -> Result<(String, String), BasicHeaderError> {
        parse_basic(value).map(|credential| match credential {
            Credential::Basic { login_name, password } => (
                login_name.as_str().to_owned(),
                password.expose_secret().to_owned(),
            ),
            Credential::Bearer(_) => panic!("a Basic header made a bearer"),
        })
    }

    #[test]
    fn the_first_colon_splits_and_the_scheme_has_no_case() {
        assert_eq!(
            parts(&header("alice:a:b:c")),
            Ok(("alice".into(), "a:b:c".into()))
        );
        let shouted = format!("bASIC   {}", STANDARD.encode("ålice@example.org:pässword"));
        assert_eq!(
            parts(shouted.as_bytes()),
            Ok(("ålice@example.org".into(), "pässword".into()))
        );
    }

    #[test]
    fn b03_malformed_headers_name_their_fault() {
        use BasicHeaderError::{Empty, Malformed, OtherScheme, TooLarge};
        assert_eq!(
            parts(b"Basic !!!"),
            Err(Malformed("the credentials are not valid base64"))
        );
        assert_eq!(
            parts(b"Basic YWxpY2U6cHc"),
            Err(Malformed("the credentials are not valid base64"))
        );
        assert_eq!(
            parts(&header("alice")),
            Err(Malformed("the credentials hold no colon"))
        );
        assert_eq!(parts(b"Basic"), Err(Malformed("the credentials hold no colon")));
        let not_utf8 = format!("Basic {}", STANDARD.encode([0xff, b':', b'x']));
        assert_eq!(
            parts(not_utf8.as_bytes()),
            Err(Malformed("the credentials are not valid UTF-8"))
        );
        assert_eq!(parts(&header(":pw")), Err(Empty));
        assert_eq!(parts(&header("alice:")), Err(Empty));
        assert_eq!(
            parts(&header("alice:p\0w")),
            Err(Malformed("the credentials hold control characters"))
        );
        assert_eq!(parts(b"Bearer abc"), Err(OtherScheme));
        assert_eq!(parts(&vec![b'A'; 64 * 1024]), Err(TooLarge));
        assert_eq!(parts(&[0xff, 0xfe]), Err(Malformed("it is not ASCII")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_without_panic(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_basic(&value);
        }

        #[test]
        fn what_was_encoded_comes_back(name in "[^:\\p{Cc}]{1,40}", password in "[^\\p{Cc}]{1,60}") {
            prop_assert_eq!(parts(&header(&format!("{name}:{password}"))), Ok((name, password)));
        }
    }
}
