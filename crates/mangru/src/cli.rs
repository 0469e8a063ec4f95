//! What a person types: which program is asked for (by name or sub-command), and its arguments.

use std::ffi::OsString;
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::check::{CheckConfig, Tool};
use crate::flags::{self, Flags};
use crate::serve;

/// Sub-commands that have a name in the design and are not built.
const NOT_BUILT: &[&str] =
    &["agent", "service", "doctor", "test", "query", "tsdb", "logs", "push", "alert", "promtool"];

/// What to do.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Serve(Box<Flags>),
    /// Run the push gateway alone.
    ServePush(Box<Flags>),
    CheckConfig(CheckConfig),
    /// Check web configuration files.
    CheckWeb(Vec<String>),
    /// Print and end.
    Print(String),
}

/// Why the arguments were not understood; `code` is the exit code.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) text: String,
    pub(crate) code: u8,
}

/// Understands a command line whose first element is the program's path.
///
/// # Errors
/// [`Refusal`], with the text for a person.
pub(crate) fn understand(arguments: impl Iterator<Item = OsString>) -> Result<Action, Refusal> {
    let arguments = flags::expand_files(arguments).map_err(|text| Refusal { text, code: 2 })?;
    let program = arguments.first().map(program_name).unwrap_or_default();
    let second = arguments.get(1).and_then(|argument| argument.to_str()).unwrap_or_default();
    match program.as_str() {
        "promtool" => tool(arguments, "promtool", Tool::Promtool),
        "prometheus" => serve(&matches(server("prometheus"), arguments)?, "prometheus"),
        "pushgateway" | "prometheus-pushgateway" => {
            let parser = command("pushgateway", "The push gateway alone", flags::PUSHGATEWAY);
            match flags_of(&matches(parser, arguments)?, "pushgateway", flags::PUSHGATEWAY)? {
                Ok(flags) => Ok(Action::ServePush(flags)),
                Err(version) => Ok(version),
            }
        }
        "alertmanager" | "amtool" => {
            Err(Refusal { text: format!("{program} is not built in this version"), code: 2 })
        }
        _ if NOT_BUILT.contains(&second) => {
            Err(Refusal { text: format!("mangru {second} is not built in this version"), code: 2 })
        }
        _ if second == "check" => tool(arguments, "mangru", Tool::Mangru),
        _ => {
            let command = server("mangru")
                .subcommand(
                    server("server").about("Runs the server; what mangru does without a word"),
                )
                .subcommand(check())
                .subcommand_negates_reqs(true)
                .args_conflicts_with_subcommands(true)
                .disable_help_subcommand(true);
            let matches = matches(command, arguments)?;
            match matches.subcommand() {
                Some((_, inner)) => serve(inner, "mangru"),
                None => serve(&matches, "mangru"),
            }
        }
    }
}

/// The program's name without folder and ending.
fn program_name(path: &OsString) -> String {
    Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn server(name: &'static str) -> Command {
    command(name, "The monitoring server", flags::FLAGS)
}

fn command(name: &'static str, about: &'static str, table: flags::Table) -> Command {
    let version =
        Arg::new("version").long("version").action(ArgAction::SetTrue).help("Print the version");
    flags::add(Command::new(name).about(about).arg(version), table)
}

fn check() -> Command {
    let switch = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let inert = |name: &'static str| Arg::new(name).long(name).hide(true);
    let files = || Arg::new("files").value_name("FILE").num_args(1..).required(true);
    let web = Command::new("web-config")
        .about("Check web configuration files and the certificates that they name")
        .arg(files());
    let config = Command::new("config")
        .about("Check configuration files")
        .arg(files())
        .arg(switch("syntax-only", "Leave out the files that the configuration names"))
        .arg(switch("agent", "Check for Prometheus' agent mode"))
        .arg(switch("lint-fatal", "Accepted: there is no lint yet").hide(true))
        .arg(inert("lint"));
    Command::new("check")
        .about("Check files without running a server")
        .subcommand_required(true)
        .subcommand(config)
        .subcommand(web)
}

fn tool(arguments: Vec<OsString>, name: &'static str, tool: Tool) -> Result<Action, Refusal> {
    let version = Arg::new("version").long("version").action(ArgAction::SetTrue);
    let command = Command::new(name).arg(version).subcommand(check()).disable_help_subcommand(true);
    let matches = matches(command, arguments)?;
    if matches.get_flag("version") {
        return Ok(Action::Print(version_text(name)));
    }
    let config = matches.subcommand().and_then(|(_, check)| check.subcommand());
    let Some((what, config)) = config else {
        return Err(Refusal {
            text: format!(
                "{name}: a command is missing; there are: check config FILE…, check web-config FILE…"
            ),
            code: 1,
        });
    };
    let files = config
        .get_many::<String>("files")
        .map(|files| files.cloned().collect())
        .unwrap_or_default();
    if what == "web-config" {
        return Ok(Action::CheckWeb(files));
    }
    let (syntax_only, agent) = (config.get_flag("syntax-only"), config.get_flag("agent"));
    Ok(Action::CheckConfig(CheckConfig { tool, files, syntax_only, agent }))
}

fn serve(matches: &ArgMatches, name: &str) -> Result<Action, Refusal> {
    Ok(match flags_of(matches, name, flags::FLAGS)? {
        Ok(flags) => Action::Serve(flags),
        Err(version) => version,
    })
}

/// The flags, or what is to be done instead of running.
fn flags_of(
    matches: &ArgMatches,
    name: &str,
    table: flags::Table,
) -> Result<Result<Box<Flags>, Action>, Refusal> {
    if matches.get_flag("version") {
        return Ok(Err(Action::Print(version_text(name))));
    }
    let flags = Flags::read(matches, table).map_err(|error| Refusal {
        text: format!("Error parsing command line arguments: {error}"),
        code: 2,
    })?;
    Ok(Ok(Box::new(flags)))
}

fn matches(command: Command, arguments: Vec<OsString>) -> Result<ArgMatches, Refusal> {
    command.try_get_matches_from(arguments).map_err(|error| {
        let code = if error.use_stderr() { 2 } else { 0 };
        Refusal { text: error.to_string().trim_end().to_owned(), code }
    })
}

/// The lines that Prometheus' programs print, which others parse.
fn version_text(name: &str) -> String {
    let surface = match name {
        "pushgateway" => serve::PUSHGATEWAY_VERSION,
        _ => serve::PROMETHEUS_VERSION,
    };
    let version = serve::version(surface);
    format!(
        "{name}, version {} (branch: {}, revision: {})\n  build user:       {}\n  build date:       {}\n  rust version:     {}\n  platform:         {}/{}\n",
        version.version,
        version.branch,
        version.revision,
        version.build_user,
        version.build_date,
        version.rust_version,
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(line: &str) -> String {
        match understand(line.split(' ').map(OsString::from)) {
            Ok(Action::Serve(flags)) => format!("serve {}", flags.text("config.file")),
            Ok(Action::ServePush(flags)) => format!("push {}", flags.text("persistence.file")),
            Ok(Action::CheckConfig(check)) => {
                format!(
                    "check {:?} {:?} {} {}",
                    check.tool, check.files, check.syntax_only, check.agent
                )
            }
            Ok(Action::CheckWeb(files)) => format!("check web {files:?}"),
            Ok(Action::Print(text)) => text.split(" (").next().unwrap_or_default().to_owned(),
            Err(refusal) => {
                format!("{}: {}", refusal.code, refusal.text.lines().next().unwrap_or_default())
            }
        }
    }

    #[test]
    fn programs_and_commands() {
        for (line, action) in [
            ("mangru", "serve "),
            ("/usr/bin/mangru server --config.file=a.yml", "serve a.yml"),
            ("mangru --config.file a.yml", "serve a.yml"),
            ("prometheus --config.file=a.yml", "serve a.yml"),
            ("mangru check config a.yml b.yml", r#"check Mangru ["a.yml", "b.yml"] false false"#),
            ("promtool check config --syntax-only a.yml", r#"check Promtool ["a.yml"] true false"#),
            (
                "promtool check config --agent --lint=none a.yml",
                r#"check Promtool ["a.yml"] false true"#,
            ),
            ("promtool check web-config w.yml v.yml", r#"check web ["w.yml", "v.yml"]"#),
            ("mangru check web-config w.yml", r#"check web ["w.yml"]"#),
            ("mangru --version", "mangru, version 3.14.0+mangru.0.1.0"),
            ("promtool --version", "promtool, version 3.14.0+mangru.0.1.0"),
            ("/usr/bin/prometheus-pushgateway --persistence.file=/a/b.data", "push /a/b.data"),
            ("pushgateway --version", "pushgateway, version 1.11.2+mangru.0.1.0"),
            ("pushgateway --config.file=x", "2: error: unexpected argument '--config.file' found"),
            ("mangru agent", "2: mangru agent is not built in this version"),
            ("alertmanager --config.file=a.yml", "2: alertmanager is not built in this version"),
            (
                "mangru check",
                "2: error: 'mangru check' requires a subcommand but one was not provided",
            ),
            ("prometheus --nonsense", "2: error: unexpected argument '--nonsense' found"),
            (
                "prometheus --query.timeout=x",
                "2: Error parsing command line arguments: not a valid duration string: \"x\" (--query.timeout=x; allowed: a duration such as 30s, 5m or 1h30m)",
            ),
            ("mangru nonsense", "2: error: unrecognized subcommand 'nonsense'"),
            ("mangru --help", "0: The monitoring server"),
        ] {
            assert_eq!(understood(line), action, "{line}");
        }
    }
}
