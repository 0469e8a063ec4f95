//! The address of a push → its group's labels: `/job/<job>{/<label>/<value>}`, any value of which may come in base64.

use crate::params::decode;
use crate::push::moved::cleaned;

/// Behind a label's name (or `job`): the value is base64, of the URL-safe alphabet, its padding optional.
const BASE64: &str = "@base64";
/// Begins the label names that are nobody's to push.
const RESERVED: &str = "__";

/// What stands in the address of a push.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// The group's labels, by name.
    Group(Vec<(String, String)>),
    /// The same address without its empty parts.
    Moved(String),
    /// There is nothing here.
    Nothing,
}

/// The group that `path` names: percent-encoded, from `/metrics` on.
///
/// # Errors
/// Pushgateway's text.
pub(crate) fn address(path: &str, utf8_names: bool) -> Result<Address, String> {
    let path = decode(path, false);
    let clean = cleaned(&path);
    if clean != path {
        return Ok(Address::Moved(clean));
    }
    let Some(rest) = path.strip_prefix("/metrics/") else { return Ok(Address::Nothing) };
    let (job_name, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let in_base64 = match job_name {
        "job" => false,
        "job@base64" => true,
        _ => return Ok(Address::Nothing),
    };
    if rest.is_empty() {
        // Pushgateway has it so.
        let moved = Address::Moved(format!("/metrics/{job_name}"));
        return Ok(if in_base64 { Address::Nothing } else { moved });
    }
    let (job, labels) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let job = if in_base64 {
        let invalid = |error| format!("invalid base64 encoding in job name \"\": {error}");
        decoded(job).map_err(invalid)?
    } else {
        job.to_owned()
    };
    let mut group = grouping(labels, utf8_names)?;
    if job.is_empty() {
        return Err("job name is required".to_owned());
    }
    set(&mut group, "job".to_owned(), job);
    group.sort();
    Ok(Address::Group(group))
}

/// `/<label>/<value>…`; empty for none.
fn grouping(text: &str, utf8_names: bool) -> Result<Vec<(String, String)>, String> {
    let mut group = Vec::new();
    let inner = text.strip_prefix('/').unwrap_or(text);
    if inner.is_empty() {
        return Ok(group);
    }
    let parts: Vec<&str> = inner.split('/').collect();
    if !parts.len().is_multiple_of(2) {
        return Err(format!("odd number of components in label string {text:?}"));
    }
    for pair in parts.chunks_exact(2) {
        let (written, value) = (pair[0], pair[1]);
        let name = written.strip_suffix(BASE64);
        let in_base64 = name.is_some();
        let name = label_name(name.unwrap_or(written), utf8_names)?;
        let value = if in_base64 {
            let invalid =
                |error| format!("invalid base64 encoding for label {name}={value:?}: {error}");
            decoded(value).map_err(invalid)?
        } else {
            value.to_owned()
        };
        set(&mut group, name, value);
    }
    Ok(group)
}

fn label_name(written: &str, utf8_names: bool) -> Result<String, String> {
    let name =
        if utf8_names { wire::escaping::unescape_values(written) } else { written.to_owned() };
    let valid = !name.is_empty() && (utf8_names || model::names::legacy_label_name(&name));
    if !valid || name.starts_with(RESERVED) {
        return Err(format!("improper label name {name:?}"));
    }
    Ok(name)
}

/// A later value of a name takes the place of an earlier one.
fn set(group: &mut Vec<(String, String)>, name: String, value: String) {
    match group.iter_mut().find(|(have, _)| *have == name) {
        Some(pair) => pair.1 = value,
        None => group.push((name, value)),
    }
}

/// The text behind base64, or what Go's decoder says of it.
fn decoded(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('=').as_bytes();
    let illegal = |at: usize| format!("illegal base64 data at input byte {at}");
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for (i, quantum) in text.chunks(4).enumerate() {
        let mut bits = 0_u32;
        for (j, b) in quantum.iter().enumerate() {
            let six = match b {
                b'A'..=b'Z' => b - b'A',
                b'a'..=b'z' => b - b'a' + 26,
                b'0'..=b'9' => b - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return Err(illegal(i * 4 + j)),
            };
            bits |= u32::from(six) << (18 - 6 * j);
        }
        if quantum.len() == 1 {
            return Err(illegal(i * 4));
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..quantum.len()]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(path: &str, want: &Expect) {
        let text = match address(path, false) {
            Ok(Address::Group(group)) => {
                let pairs: Vec<String> =
                    group.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
                pairs.join(" ")
            }
            Ok(Address::Moved(to)) => format!("moved to {to}"),
            Ok(Address::Nothing) => "nothing".to_owned(),
            Err(error) => error,
        };
        want.assert_eq(&text);
    }

    #[test]
    fn groups() {
        check("/metrics/job/x", &expect![[r#"job="x""#]]);
        check("/metrics/job/x/instance/i", &expect![[r#"instance="i" job="x""#]]);
        check("/metrics/job/x/foo/", &expect![[r#"foo="" job="x""#]]);
        check("/metrics/job/x/foo/a%20b+c", &expect![[r#"foo="a b+c" job="x""#]]);
        check("/metrics/job/a/foo/b/foo/c/job/d", &expect![[r#"foo="c" job="a""#]]);
        check("/metrics/job@base64/eA/foo@base64/=", &expect![[r#"foo="" job="x""#]]);
        check(
            "/metrics/job@base64/eA==/f@base64/L3Zhci90bXA=",
            &expect![[r#"f="/var/tmp" job="x""#]],
        );
    }

    #[test]
    fn what_is_no_group() {
        check(
            "/metrics/job/x/foo",
            &expect![[r#"odd number of components in label string "/foo""#]],
        );
        check("/metrics/job/x/fo-o/v", &expect![[r#"improper label name "fo-o""#]]);
        check("/metrics/job/x/__foo/v", &expect![[r#"improper label name "__foo""#]]);
        check("/metrics/job@base64/=", &expect!["job name is required"]);
        check(
            "/metrics/job@base64/!!",
            &expect![[
                r#"invalid base64 encoding in job name "": illegal base64 data at input byte 0"#
            ]],
        );
        check(
            "/metrics/job/x/foo@base64/abc!",
            &expect![[
                r#"invalid base64 encoding for label foo="abc!": illegal base64 data at input byte 3"#
            ]],
        );
        check(
            "/metrics/job/x/foo@base64/abcde",
            &expect![[
                r#"invalid base64 encoding for label foo="abcde": illegal base64 data at input byte 4"#
            ]],
        );
        check("/metrics/job/", &expect!["moved to /metrics/job"]);
        check("/metrics/job@base64/", &expect!["nothing"]);
        check("/metrics/job/x//v", &expect!["moved to /metrics/job/x/v"]);
        check("/metrics/jobs/x", &expect!["nothing"]);
    }
}
