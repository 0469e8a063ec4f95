//! The parameters of a request: from the URL and, of a form, from the body; read with Prometheus' rules and error texts.

use model::matcher::Matcher;
use stdx::units::parse_duration_ms;

use crate::answer::ApiError;
use crate::http::Request;
use stdx::time;

/// Most parameters in one request.
const PARAMS_MAX: usize = 10_000;

/// Times that stand for "no bound": what clients send as the widest range.
const TIME_MIN_TEXT: &str = "-292273086-05-16T16:47:06Z";
const TIME_MAX_TEXT: &str = "292277025-08-18T07:12:54.999999999Z";
pub(crate) const TIME_MIN_MS: i64 = (i64::MIN / 1000 + 62_135_596_801) * 1000;
pub(crate) const TIME_MAX_MS: i64 = (i64::MAX / 1000 - 62_135_596_801) * 1000 + 999;

/// The decoded `name=value` pairs, the body's before the URL's.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// The parameters of `request`. Bad escapes are kept as they stand.
    ///
    /// # Errors
    /// `bad_data` past [`PARAMS_MAX`], or when a form is not UTF-8.
    pub(crate) fn of(request: &Request) -> Result<Self, ApiError> {
        let mut pairs = Vec::new();
        if request.is_form() {
            let body = std::str::from_utf8(&request.body).map_err(|error| {
                ApiError::bad_data(format!("error parsing form values: {error}"))
            })?;
            decode_pairs(body, &mut pairs)?;
        }
        decode_pairs(&request.query, &mut pairs)?;
        Ok(Self(pairs))
    }

    /// Those of the URL alone, whatever the body says that it is.
    ///
    /// # Errors
    /// `bad_data` past [`PARAMS_MAX`].
    pub(crate) fn of_url(request: &Request) -> Result<Self, ApiError> {
        let mut pairs = Vec::new();
        decode_pairs(&request.query, &mut pairs)?;
        Ok(Self(pairs))
    }

    /// The first value of `name`; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(have, _)| have == name).map_or("", |(_, value)| value)
    }

    /// All values of `name`.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// `limit`: 0 when it is not given.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let text = self.get("limit");
        if text.is_empty() {
            return Ok(0);
        }
        let number = atoi(text).map_err(|reason| invalid("limit", &reason))?;
        usize::try_from(number).map_err(|_| invalid("limit", "limit must be non-negative"))
    }

    /// A time that may be left out.
    pub(crate) fn time_or(&self, name: &str, default_ms: i64) -> Result<i64, ApiError> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(default_ms);
        }
        parse_time(text)
            .map_err(|reason| invalid(name, &format!("invalid time value for '{name}': {reason}")))
    }

    /// A time that must be given.
    pub(crate) fn time(&self, name: &str) -> Result<i64, ApiError> {
        parse_time(self.get(name)).map_err(|reason| invalid(name, &reason))
    }

    /// A duration in milliseconds; `None` when it is not given.
    pub(crate) fn duration_ms(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(None);
        }
        parse_duration(text).map(Some).map_err(|reason| invalid(name, &reason))
    }

    /// The selectors of `match[]`.
    pub(crate) fn selectors(&self) -> Result<Vec<Vec<Matcher>>, String> {
        promql::parse::parse_metric_selectors(self.all("match[]"))
            .map_err(|error| error.to_string())
    }

    /// The same, each with at least one matcher that the empty text does not satisfy. The error is not wrapped: one API
    /// names the parameter, others do not.
    pub(crate) fn matchers(&self) -> Result<Vec<Vec<Matcher>>, String> {
        let sets = self.selectors()?;
        if sets.iter().any(|set| set.iter().all(|matcher| matcher.matches(""))) {
            return Err("match[] must contain at least one non-empty matcher".to_owned());
        }
        Ok(sets)
    }
}

/// `invalid parameter "NAME": REASON`
pub(crate) fn invalid(name: &str, reason: &str) -> ApiError {
    ApiError::bad_data(format!("invalid parameter {name:?}: {reason}"))
}

/// A decimal integer; the error is Go's.
pub(crate) fn atoi(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("strconv.Atoi: parsing {text:?}: invalid syntax"));
    }
    text.parse().map_err(|_| format!("strconv.Atoi: parsing {text:?}: value out of range"))
}

/// Milliseconds of `1435781451.781`, an RFC 3339 time, or one of the two widest times.
pub(crate) fn parse_time(text: &str) -> Result<i64, String> {
    let unreadable = || format!("cannot parse {text:?} to a valid timestamp");
    if let Ok(seconds) = text.parse::<f64>() {
        if !seconds.is_finite() {
            return Err(unreadable());
        }
        let fraction_ms = (seconds.fract() * 1000.0).round();
        let ms = seconds.trunc() * 1000.0 + fraction_ms;
        return Ok(whole(ms).clamp(TIME_MIN_MS, TIME_MAX_MS));
    }
    match text {
        TIME_MIN_TEXT => Ok(TIME_MIN_MS),
        TIME_MAX_TEXT => Ok(TIME_MAX_MS),
        _ => time::parse_rfc3339(text).ok_or_else(unreadable),
    }
}

/// Milliseconds of `15`, `0.5` (seconds) or `1h30m`.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    let unreadable = || format!("cannot parse {text:?} to a valid duration");
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds.is_nan() {
            return Err(unreadable());
        }
        // Prometheus' durations are 64-bit nanoseconds.
        if (seconds * 1e9).abs() > 9_223_372_036_854_775_807.0 {
            return Err(format!("{}. It overflows int64", unreadable()));
        }
        return Ok(whole(seconds * 1000.0));
    }
    parse_duration_ms(text).map_err(|_| unreadable())
}

/// The integer part, at the ends of i64 beyond them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "float casts saturate, which is what is wanted"
)]
fn whole(value: f64) -> i64 {
    value as i64
}

fn decode_pairs(text: &str, pairs: &mut Vec<(String, String)>) -> Result<(), ApiError> {
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        if pairs.len() >= PARAMS_MAX {
            return Err(ApiError::bad_data(format!("more than {PARAMS_MAX} parameters")));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decode(name, true), decode(value, true)));
    }
    Ok(())
}

/// Undoes `%20` and, in forms and queries, `+`. What is no escape stays; what is no UTF-8 becomes U+FFFD.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
        let escaped = if bytes[i] == b'%' { hex(i + 1).zip(hex(i + 2)) } else { None };
        if let Some((high, low)) = escaped {
            out.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
            i += 3;
        } else {
            out.push(if bytes[i] == b'+' && plus_is_space { b' ' } else { bytes[i] });
            i += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The name that `U__…` stands for (`__` is `_`, `_1F600_` a character); other texts, and wrong ones, are themselves.
pub(crate) fn unescape_name(text: &str) -> String {
    text.strip_prefix("U__").and_then(unescaped).unwrap_or_else(|| text.to_owned())
}

fn unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('_') {
        out.push_str(&rest[..at]);
        let (code, tail) = rest[at + 1..].split_once('_')?;
        if code.is_empty() {
            out.push('_');
        } else {
            if code.len() > 6 {
                return None;
            }
            out.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        }
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, ms) in [
            ("0", 0),
            ("1435781451.781", 1_435_781_451_781),
            ("-1.5", -1500),
            ("1e3", 1_000_000),
            ("2015-07-01T20:10:51.781Z", 1_435_781_451_781),
            ("2015-07-01T22:10:51+02:00", 1_435_781_451_000),
            (TIME_MIN_TEXT, TIME_MIN_MS),
            (TIME_MAX_TEXT, TIME_MAX_MS),
            ("1e300", TIME_MAX_MS),
        ] {
            assert_eq!(parse_time(text), Ok(ms), "{text}");
        }
        for text in ["", "abc", "NaN", "inf", "2015-07-01", "2015-13-01T00:00:00Z"] {
            let reason = format!("cannot parse {text:?} to a valid timestamp");
            assert_eq!(parse_time(text), Err(reason));
        }
    }

    #[test]
    fn durations() {
        for (text, ms) in
            [("15", 15_000), ("0.5", 500), ("1h30m", 5_400_000), ("-1", -1000), ("0", 0)]
        {
            assert_eq!(parse_duration(text), Ok(ms), "{text}");
        }
        for (text, reason) in [
            ("", "cannot parse \"\" to a valid duration"),
            ("1.5h", "cannot parse \"1.5h\" to a valid duration"),
            ("1e10", "cannot parse \"1e10\" to a valid duration. It overflows int64"),
        ] {
            assert_eq!(parse_duration(text), Err(reason.to_owned()));
        }
    }

    #[test]
    fn integers_fail_as_in_go() {
        assert_eq!(atoi("+12"), Ok(12));
        assert_eq!(atoi("x"), Err("strconv.Atoi: parsing \"x\": invalid syntax".to_owned()));
        assert_eq!(
            atoi("99999999999999999999"),
            Err("strconv.Atoi: parsing \"99999999999999999999\": value out of range".to_owned())
        );
    }

    #[test]
    fn escapes() {
        for (text, want) in [
            ("a+b%20c", "a b c"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz", "%zz"),
            ("%ED%95%9C", "한"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decode(text, true), want);
        }
        assert_eq!(decode("a+b", false), "a+b");
    }

    #[test]
    fn escaped_names() {
        for (text, want) in [
            ("up", "up"),
            ("U__my_2e_name", "my.name"),
            ("U__a__b", "a_b"),
            ("U___1F600_", "😀"),
            ("U__broken_2e", "U__broken_2e"),
            ("U___d800_", "U___d800_"),
            ("U___0000001_", "U___0000001_"),
        ] {
            assert_eq!(unescape_name(text), want);
        }
    }

    #[test]
    fn the_count_of_parameters_is_bounded() {
        let mut pairs = Vec::new();
        assert!(decode_pairs(&"a&".repeat(PARAMS_MAX), &mut pairs).is_ok());
        let error = decode_pairs("b", &mut pairs).unwrap_err();
        assert_eq!(error.text, "more than 10000 parameters");
    }
}
