//! Log lines on standard error, in the two formats of Prometheus: logfmt and JSON.

use std::fmt;
use std::sync::Arc;

use stdx::clock::Clock;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Logfmt,
    Json,
}

/// Sends events of `level` and above to standard error.
pub(crate) fn init(level: Level, format: Format, clock: Arc<dyn Clock>) {
    let lines = Lines { format, clock };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .event_format(lines)
        .finish();
    // A second call, in a test, leaves the first subscriber.
    drop(tracing::subscriber::set_global_default(subscriber));
}

/// The level of a word of `--log.level`.
pub(crate) fn level(word: &str) -> Level {
    match word {
        "debug" => Level::DEBUG,
        "warn" => Level::WARN,
        "error" => Level::ERROR,
        _ => Level::INFO,
    }
}

struct Lines {
    format: Format,
    clock: Arc<dyn Clock>,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = stdx::time::rfc3339_ms(self.clock.now_ms());
        let file = metadata.file().and_then(|file| file.rsplit('/').next()).unwrap_or("");
        let source = format!("{file}:{}", metadata.line().unwrap_or(0));
        let level = metadata.level().as_str();
        let head = [
            ("time", time),
            ("level", level.to_owned()),
            ("source", source),
            ("msg", fields.message),
        ];
        let all = head.into_iter().chain(fields.others);
        let line = match self.format {
            Format::Logfmt => logfmt(all),
            Format::Json => json(all),
        };
        writeln!(writer, "{line}")
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
}

impl Fields {
    fn add(&mut self, field: &Field, text: String) {
        if field.name() == "message" {
            self.message = text;
        } else {
            self.others.push((field.name(), text));
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }
}

fn logfmt(fields: impl Iterator<Item = (&'static str, String)>) -> String {
    let mut line = String::new();
    for (name, text) in fields {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(name);
        line.push('=');
        let plain = !text.is_empty()
            && text.chars().all(|c| c > ' ' && c != '"' && c != '=' && c != '\u{7f}');
        if plain { line.push_str(&text) } else { line.push_str(&quoted(&text)) }
    }
    line
}

fn json(fields: impl Iterator<Item = (&'static str, String)>) -> String {
    let parts: Vec<String> =
        fields.map(|(name, text)| format!("{}:{}", quoted(name), quoted(&text))).collect();
    format!("{{{}}}", parts.join(","))
}

/// A JSON string; logfmt takes the same.
fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let fields = || {
            [
                ("level", "INFO".to_owned()),
                ("msg", "a \"b\"\n".to_owned()),
                ("n", "1".to_owned()),
                ("e", String::new()),
            ]
        };
        assert_eq!(logfmt(fields().into_iter()), r#"level=INFO msg="a \"b\"\n" n=1 e="""#);
        assert_eq!(
            json(fields().into_iter()),
            r#"{"level":"INFO","msg":"a \"b\"\n","n":"1","e":""}"#
        );
    }
}
