//! The flags of the server: every flag of Prometheus 3.14, and which of them mean something here.
//!
//! A flag is one row of [`table::FLAGS`]; clap parses by that table in the manner of Prometheus' own parser
//! (`--flag=value`, `--flag value`, `--no-flag` for switches, `@file` for arguments from a file).

mod push;
mod table;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use stdx::units;

pub(crate) use push::PUSHGATEWAY;
use table::Kind;
pub(crate) use table::{FEATURES, FLAGS, Feature, Flag, Meaning};

/// Most arguments, those of `@file`s included.
const ARGUMENTS_MAX: usize = 10_000;

/// A value that a flag cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} (--{flag}={value}; allowed: {allowed})")]
pub(crate) struct FlagError {
    flag: &'static str,
    value: String,
    allowed: String,
    text: String,
}

/// The flags as they were given, and the defaults of the others.
#[derive(Debug, Clone)]
pub(crate) struct Flags {
    table: Table,
    values: BTreeMap<&'static str, Vec<String>>,
    given: Vec<&'static str>,
}

/// A program's flags.
pub(crate) type Table = &'static [Flag];

/// Adds all flags of `table` to a command.
pub(crate) fn add(mut command: Command, table: Table) -> Command {
    for flag in table {
        let arg = Arg::new(flag.name)
            .long(flag.name)
            .help(help(flag))
            .hide(flag.meaning != Meaning::Active);
        let arg = arg.value_name(flag.kind.placeholder()).action(ArgAction::Append);
        if !matches!(flag.kind, Kind::Switch) {
            command = command.arg(arg);
            continue;
        }
        let no = format!("no-{}", flag.name);
        let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
        let off = Arg::new(no.clone()).long(no.clone()).action(ArgAction::SetTrue).hide(true);
        command = command.arg(arg.overrides_with(no)).arg(off.overrides_with(flag.name));
    }
    command
}

fn help(flag: &Flag) -> String {
    match flag.default {
        "" => flag.help.to_owned(),
        default => format!("{} [default: {default}]", flag.help),
    }
}

impl Flags {
    /// The values of `matches` for the flags of `table`, each checked against its kind.
    ///
    /// # Errors
    /// [`FlagError`] for the first value that its flag cannot have.
    pub(crate) fn read(matches: &ArgMatches, table: Table) -> Result<Self, FlagError> {
        let mut values = BTreeMap::new();
        let mut given = Vec::new();
        for flag in table {
            let mut texts: Vec<String> = matches
                .get_many::<String>(flag.name)
                .map(|all| all.cloned().collect())
                .unwrap_or_default();
            if matches!(flag.kind, Kind::Switch) && matches.get_flag(&format!("no-{}", flag.name)) {
                texts = vec!["false".to_owned()];
            }
            if texts.is_empty() {
                texts = flag.default.split_terminator(',').map(str::to_owned).collect();
            } else {
                given.push(flag.name);
            }
            for text in &mut texts {
                *text = flag.kind.normalize(text).map_err(|error| FlagError {
                    flag: flag.name,
                    value: text.clone(),
                    allowed: flag.kind.allowed(),
                    text: error,
                })?;
            }
            if !flag.repeats {
                texts.drain(..texts.len().saturating_sub(1));
            }
            values.insert(flag.name, texts);
        }
        Ok(Self { table, values, given })
    }

    /// Whether the flag stands on the command line.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.given.contains(&name)
    }

    /// All values of a flag that repeats.
    pub(crate) fn all(&self, name: &str) -> &[String] {
        self.values.get(name).unwrap_or_else(|| panic!("there is no flag --{name}"))
    }

    /// The value, or an empty text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.all(name).last().map_or("", String::as_str)
    }

    pub(crate) fn switch(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// The milliseconds of a duration; `None` when it is not given and has no default.
    pub(crate) fn duration_ms(&self, name: &str) -> Option<i64> {
        units::parse_duration_ms(self.text(name)).ok()
    }

    pub(crate) fn duration(&self, name: &str) -> Duration {
        let ms = self.duration_ms(name).and_then(|ms| u64::try_from(ms).ok());
        Duration::from_millis(ms.unwrap_or(0))
    }

    /// The bytes of a size; `None` when it is not given and has no default.
    pub(crate) fn bytes(&self, name: &str) -> Option<u64> {
        units::parse_bytes(self.text(name)).ok()
    }

    /// A whole number; 0 when it is negative.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// Whether `--enable-feature` names it.
    pub(crate) fn feature(&self, name: &str) -> bool {
        self.features().any(|feature| feature == name)
    }

    /// The names of all features asked for.
    pub(crate) fn features(&self) -> impl Iterator<Item = &str> {
        let names = self.all("enable-feature").iter().flat_map(|names| names.split(','));
        names.filter(|name| !name.is_empty())
    }

    /// Flags that were given and do nothing here, with the reason.
    pub(crate) fn inactive(&self) -> impl Iterator<Item = (&'static str, Meaning)> {
        let flags = self.table.iter().filter(|flag| self.is_given(flag.name));
        let flags = flags.map(|flag| (flag.name, flag.meaning));
        flags.filter(|(_, meaning)| *meaning != Meaning::Active)
    }

    /// All flags with their values, as `/api/v1/status/flags` shows them.
    pub(crate) fn map(&self) -> BTreeMap<String, String> {
        self.values.iter().map(|(name, values)| ((*name).to_owned(), values.join(","))).collect()
    }

    /// The flags of a command line, for tests.
    #[cfg(test)]
    pub(crate) fn parse_line(arguments: &[&str]) -> Result<Self, String> {
        let command = add(Command::new("prometheus").no_binary_name(true), FLAGS);
        let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        Self::read(&matches, FLAGS).map_err(|error| error.to_string())
    }
}

/// `arguments` with each `@file` replaced by the file's lines (empty ones and those that begin with `#` left out).
///
/// # Errors
/// A text that names the file: it cannot be read, or there are too many arguments.
pub(crate) fn expand_files(
    arguments: impl Iterator<Item = OsString>,
) -> Result<Vec<OsString>, String> {
    let mut all = Vec::new();
    for (i, argument) in arguments.enumerate() {
        let path = argument.to_str().and_then(|text| text.strip_prefix('@')).filter(|_| i > 0);
        let Some(path) = path else {
            all.push(argument);
            continue;
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("arguments from {path}: {error}"))?;
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        all.extend(lines.map(OsString::from));
        if all.len() > ARGUMENTS_MAX {
            return Err(format!("arguments from {path}: over {ARGUMENTS_MAX}"));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: &[&str], name: &str, value: &str) {
        let flags = Flags::parse_line(arguments).unwrap();
        assert_eq!(flags.all(name).join(","), value, "{arguments:?}");
    }

    #[test]
    fn ways_to_write_a_flag() {
        check(&[], "query.timeout", "2m");
        check(&["--query.timeout=90s"], "query.timeout", "1m30s");
        check(&["--query.timeout", "1h"], "query.timeout", "1h");
        check(&["--query.timeout=1h", "--query.timeout=2h"], "query.timeout", "2h");
        check(
            &["--web.listen-address=:1", "--web.listen-address=:2"],
            "web.listen-address",
            ":1,:2",
        );
        check(&["--storage.tsdb.retention.time=15d"], "storage.tsdb.retention.time", "15d");
        check(&["--storage.tsdb.retention.size=512MB"], "storage.tsdb.retention.size", "512MB");
        let limit = "storage.remote.read-sample-limit";
        check(&["--storage.remote.read-sample-limit=5e7"], limit, "50000000");
        check(&["--enable-feature=a,b", "--enable-feature=c"], "enable-feature", "a,b,c");
    }

    #[test]
    fn switches() {
        let lifecycle = "web.enable-lifecycle";
        check(&[], lifecycle, "false");
        check(&["--web.enable-lifecycle"], lifecycle, "true");
        check(&["--web.enable-lifecycle", "--web.enable-admin-api"], lifecycle, "true");
        check(&["--web.enable-lifecycle=true"], lifecycle, "true");
        check(&["--web.enable-lifecycle=false"], lifecycle, "false");
        check(&["--web.enable-lifecycle", "--no-web.enable-lifecycle"], lifecycle, "false");
        check(&["--no-web.enable-lifecycle", "--web.enable-lifecycle"], lifecycle, "true");
        check(&["--no-storage.tsdb.wal-compression"], "storage.tsdb.wal-compression", "false");
    }

    #[test]
    fn values_that_are_refused() {
        for (argument, part) in [
            ("--query.timeout=x", "not a valid duration string: \"x\""),
            ("--query.max-samples=many", "not a whole number"),
            ("--storage.tsdb.retention.size=12", "a size such as"),
            ("--log.level=loud", "debug, info, warn, error"),
            ("--web.enable-lifecycle=perhaps", "true or false"),
            ("--web.listen-adress=:1", "--web.listen-adress"),
            ("--no-query.timeout", "--no-query.timeout"),
        ] {
            let error = Flags::parse_line(&[argument]).unwrap_err();
            assert!(error.contains(part), "{argument}: {error}");
        }
    }

    #[test]
    fn features_and_flags_without_meaning() {
        let line = [
            "--enable-feature=a,b",
            "--auto-gomemlimit",
            "--query.timeout=1m",
            "--web.user-assets=x",
        ];
        let flags = Flags::parse_line(&line).unwrap();
        assert!(flags.feature("b") && !flags.feature("c"));
        let inactive: Vec<_> = flags.inactive().collect();
        let expected =
            [("web.user-assets", Meaning::NotBuilt), ("auto-gomemlimit", Meaning::Nothing)];
        assert_eq!(inactive, expected);
        assert!(flags.is_given("query.timeout") && !flags.is_given("query.max-samples"));
    }

    #[test]
    fn the_gateways_flags_have_valid_defaults() {
        let command = add(Command::new("pushgateway").no_binary_name(true), PUSHGATEWAY);
        let matches = command.try_get_matches_from(["--push.ttl=1h", "--web.systemd-socket"]);
        let flags = Flags::read(&matches.unwrap(), PUSHGATEWAY).unwrap();
        assert_eq!(flags.map().len(), PUSHGATEWAY.len());
        assert_eq!(flags.duration_ms("push.ttl"), Some(3_600_000));
        assert!(flags.switch("web.systemd-socket") && !flags.switch("web.enable-admin-api"));
        assert_eq!(flags.all("web.listen-address"), ["127.0.0.1:9091"]);
    }

    #[test]
    fn every_default_is_valid_and_every_name_once() {
        let flags = Flags::parse_line(&[]).unwrap();
        assert_eq!(flags.map().len(), FLAGS.len());
        assert_eq!(flags.number("query.max-samples"), 50_000_000);
        assert_eq!(flags.duration("web.read-timeout"), Duration::from_secs(300));
        assert_eq!(flags.bytes("storage.tsdb.retention.size"), None);
    }
}
