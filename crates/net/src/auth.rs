//! Headers that say who we are. Values from files are read for each request.

use std::path::Path;

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use crate::config::{ClientConfig, Secret, Source};
use crate::error::Cause;

/// Largest file that a secret is read from, in bytes.
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Headers to add to a request.
pub(crate) type Headers = Vec<(HeaderName, HeaderValue)>;

/// Whether making the headers reads files.
pub(crate) fn reads_files(config: &ClientConfig) -> bool {
    let is_file = |source: &Source| matches!(source, Source::File(_));
    let basic = config.basic_auth.as_ref();
    basic.is_some_and(|auth| is_file(&auth.username) || is_file(&auth.password))
        || config.authorization.as_ref().is_some_and(|auth| is_file(&auth.credentials))
        || config.headers.iter().any(|header| !header.files.is_empty())
}

/// All headers that the configuration adds.
pub(crate) fn headers(config: &ClientConfig) -> Result<Headers, Cause> {
    let mut out = Headers::new();
    if let Some(auth) = &config.basic_auth {
        let username = read(&auth.username, "basic auth username")?;
        let password = read(&auth.password, "basic auth password")?;
        let value = basic(username.reveal(), password.reveal());
        out.push((AUTHORIZATION, value_of(value.reveal(), "basic auth")?));
    }
    if let Some(auth) = &config.authorization {
        let credentials = read(&auth.credentials, "authorization credentials")?;
        let value = Secret::new(format!("{} {}", auth.kind, credentials.reveal()));
        out.push((AUTHORIZATION, value_of(value.reveal(), "authorization credentials")?));
    }
    for header in &config.headers {
        let name: HeaderName = header
            .name
            .parse()
            .map_err(|_| Cause::Credentials(format!("header name {:?}", header.name)))?;
        let what = format!("header {name}");
        for value in &header.values {
            out.push((name.clone(), value_of(value, &what)?));
        }
        for secret in &header.secrets {
            out.push((name.clone(), value_of(secret.reveal(), &what)?));
        }
        for path in &header.files {
            let value = read_file(path, &what)?;
            out.push((name.clone(), value_of(value.reveal(), &what)?));
        }
    }
    Ok(out)
}

/// The value of `Authorization` for a user and a password.
pub(crate) fn basic(username: &str, password: &str) -> Secret {
    Secret::new(format!("Basic {}", base64(format!("{username}:{password}").as_bytes())))
}

fn value_of(text: &str, what: &str) -> Result<HeaderValue, Cause> {
    let mut value = HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| Cause::Credentials(format!("{what}: not a valid header value")))?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(source: &Source, what: &str) -> Result<Secret, Cause> {
    match source {
        Source::Inline(secret) => Ok(secret.clone()),
        Source::File(path) => read_file(path, what),
    }
}

/// A file's text without the white space around it.
fn read_file(path: &Path, what: &str) -> Result<Secret, Cause> {
    let failed =
        |reason: String| Cause::Credentials(format!("{what} file {}: {reason}", path.display()));
    let meta = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if meta.len() > SECRET_BYTES_MAX {
        return Err(failed(format!("larger than {SECRET_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    Ok(Secret::new(text.trim()))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut bits = 0_u32;
        for i in 0..3 {
            bits = bits << 8 | u32::from(group.get(i).copied().unwrap_or(0));
        }
        for i in 0..4_usize {
            let digit = usize::try_from(bits >> (18 - 6 * i) & 63).unwrap_or(0);
            out.push(if i <= group.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Authorization, BasicAuth, HeaderConfig};

    #[test]
    fn base64_is_rfc_4648s() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn headers_carry_what_is_configured_and_do_not_show_it() {
        let secret = |text: &str| Source::Inline(Secret::new(text));
        let config = ClientConfig {
            basic_auth: Some(BasicAuth { username: secret("u"), password: secret("hunter2") }),
            headers: vec![HeaderConfig {
                name: "X-Scope".to_owned(),
                values: vec!["a".to_owned()],
                secrets: vec![Secret::new("hunter2")],
                files: Vec::new(),
            }],
            ..ClientConfig::default()
        };
        let headers = headers(&config).unwrap();
        let texts: Vec<_> =
            headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        assert_eq!(texts, ["authorization: Basic dTpodW50ZXIy", "x-scope: a", "x-scope: hunter2"]);
        assert!(!format!("{config:?}{headers:?}").contains("hunter2"));
        assert!(!format!("{headers:?}").contains("dTpodW50ZXIy"));
    }

    #[test]
    fn a_file_is_named_when_it_cannot_be_read_and_a_bad_value_is_not_shown() {
        let with = |credentials| ClientConfig {
            authorization: Some(Authorization { kind: "Bearer".to_owned(), credentials }),
            ..ClientConfig::default()
        };
        let config = with(Source::File("/nonexistent/token".into()));
        assert!(reads_files(&config));
        let error = headers(&config).unwrap_err().to_string();
        assert!(
            error.starts_with("unable to read authorization credentials file /nonexistent/token: "),
            "{error}"
        );
        let error = headers(&with(Source::Inline(Secret::new("a\nb")))).unwrap_err().to_string();
        assert_eq!(error, "unable to read authorization credentials: not a valid header value");
    }
}
