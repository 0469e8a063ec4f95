//! The push gateway alone: what `pushgateway` runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use net::config::Secret;
use stdx::fs::real::RealFs;

use crate::flags::{Flags, Meaning};
use crate::{config, serve, web};

/// Where groups are kept in the working directory, when no persistence file is named.
const DIR: &str = "data/mangru/push";
/// Where they are kept in a folder that is ours alone.
const OWN_DIR: &str = "mangru/push";
/// Longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 4096;

/// Runs the gateway until it is told to stop.
///
/// # Errors
/// Flags that are refused, or what the gateway failed of.
pub(crate) fn run(flags: &Flags) -> anyhow::Result<()> {
    let clock = serve::clock_and_log(flags);
    for (flag, meaning) in flags.inactive() {
        match meaning {
            Meaning::Active => {}
            Meaning::NotBuilt => {
                tracing::warn!("--{flag} is accepted and not built in this version");
            }
            Meaning::Nothing => tracing::debug!("--{flag} is accepted and means nothing here"),
        }
    }
    let mut config = configured(flags)?;
    config.web = web::file(flags)?;
    let loader = || Ok(server::Loaded::default());
    server::run(config, Box::new(loader), Arc::new(RealFs), clock)?;
    Ok(())
}

fn configured(flags: &Flags) -> anyhow::Result<server::Config> {
    let listen = flags.all("web.listen-address").to_vec();
    for address in &listen {
        anyhow::ensure!(
            config::is_address(address),
            "--web.listen-address={address}: not HOST:PORT (an empty host means all addresses)"
        );
    }
    let file = Some(flags.text("persistence.file")).filter(|file| !file.is_empty());
    let telemetry_path = flags.text("web.telemetry-path");
    Ok(server::Config {
        listen,
        systemd_sockets: flags.switch("web.systemd-socket"),
        external_url: flags.text("web.external-url").to_owned(),
        route_prefix: flags.text("web.route-prefix").to_owned(),
        lifecycle: flags.switch("web.enable-lifecycle"),
        admin_api: flags.switch("web.enable-admin-api"),
        push: server::PushConfig {
            only: true,
            listen: Vec::new(),
            dir: Some(match file {
                Some(file) => PathBuf::from(format!("{file}.mangru")),
                None => folder(&std::env::current_dir()?, |name| std::env::var(name).ok())?,
            }),
            persistence_file: file.map(PathBuf::from),
            ttl_ms: flags.duration_ms("push.ttl").unwrap_or(0),
            consistency_check: !flags.switch("push.disable-consistency-check"),
            aggregation: flags.switch("push.enable-aggregation"),
            utf8_names: flags.switch("push.enable-utf8-names"),
            telemetry_path: format!("/{}", telemetry_path.trim_start_matches('/')),
            write_token: match flags.text("push.write-token-file") {
                "" => None,
                file => Some(token(Path::new(file)).context("--push.write-token-file")?),
            },
            limits: limits(flags),
        },
        flags: flags.map(),
        version: serve::version(serve::PUSHGATEWAY_VERSION),
        ..server::Config::default()
    })
}

fn limits(flags: &Flags) -> server::PushLimits {
    let count = |name: &str| usize::try_from(flags.number(name)).unwrap_or(usize::MAX);
    let bytes = flags.bytes("push.body-bytes-max").unwrap_or(0);
    server::PushLimits {
        body_bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
        labels: count("push.labels-max"),
        group_metrics: count("push.group-metrics-max"),
        groups: count("push.groups-max"),
        metrics: count("push.metrics-max"),
    }
}

/// Where groups are kept when no file is named: the folder that systemd gives, else below the working directory, or the home
/// where that is the root, as it is for a service.
fn folder(cwd: &Path, env: impl Fn(&str) -> Option<String>) -> anyhow::Result<PathBuf> {
    // Of several folders the first.
    let state = env("STATE_DIRECTORY").and_then(|all| all.split(':').next().map(PathBuf::from));
    if let Some(state) = state.filter(|dir| !dir.as_os_str().is_empty()) {
        return Ok(state.join(OWN_DIR));
    }
    if cwd.parent().is_some() {
        return Ok(PathBuf::from(DIR));
    }
    let home = env("HOME").filter(|home| !home.is_empty() && home != "/");
    let home = home.context(
        "the working directory is the root and there is no home: name a file to keep what is pushed in with --persistence.file",
    )?;
    Ok(Path::new(&home).join(OWN_DIR))
}

/// The token in `file`, without space around it.
///
/// # Errors
/// The file cannot be read, or holds nothing that a header can.
pub(crate) fn token(file: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    checked_token(&text).map_err(|text| anyhow::anyhow!("{}: {text}", file.display()))
}

/// The token without space around it, or what is wrong with it.
pub(crate) fn checked_token(text: &str) -> Result<Secret, String> {
    let token = text.trim();
    if token.is_empty() {
        return Err("there is no token in it".to_owned());
    }
    if token.len() > TOKEN_BYTES_MAX {
        return Err(format!("a token of {} bytes, at most {TOKEN_BYTES_MAX} allowed", token.len()));
    }
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a token of other characters than ASCII's visible ones".to_owned());
    }
    Ok(Secret::new(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_groups_are_kept() {
        let find = |cwd: &str, env: &[(&str, &str)]| {
            let get = |name: &str| {
                env.iter().find(|(have, _)| *have == name).map(|(_, value)| (*value).to_owned())
            };
            folder(Path::new(cwd), get)
                .map_or_else(|error| error.to_string(), |folder| folder.display().to_string())
        };
        let home = ("HOME", "/var/lib/prometheus");
        assert_eq!(find("/srv", &[home]), "data/mangru/push");
        assert_eq!(find("/", &[home]), "/var/lib/prometheus/mangru/push");
        let state = ("STATE_DIRECTORY", "/var/lib/pushes:/var/lib/other");
        assert_eq!(find("/", &[home, state]), "/var/lib/pushes/mangru/push");
        for env in [&[][..], &[("HOME", "/")], &[("HOME", ""), ("STATE_DIRECTORY", "")]] {
            assert!(find("/", env).starts_with("the working directory is the root"), "{env:?}");
        }
    }

    #[test]
    fn what_is_a_token() {
        let check = |text: &str| match checked_token(text) {
            Ok(token) => token.reveal().to_owned(),
            Err(text) => text,
        };
        assert_eq!(check(" t0ken\n"), "t0ken");
        assert_eq!(check(" \n"), "there is no token in it");
        let most = "x".repeat(TOKEN_BYTES_MAX);
        assert_eq!(check(&most), most);
        assert_eq!(check(&format!("x{most}")), "a token of 4097 bytes, at most 4096 allowed");
        for text in ["a b", "a\0b", "\u{e9}"] {
            let want = "a token of other characters than ASCII's visible ones";
            assert_eq!(check(text), want, "{text:?}");
        }
    }
}
