//! The push gateway alone: what `pushgateway` runs.

use std::path::PathBuf;
use std::sync::Arc;

use stdx::fs::real::RealFs;

use crate::flags::{Flags, Meaning};
use crate::{config, serve, web};

/// Where groups are kept when no persistence file is named.
const DIR: &str = "data/mangru/push";

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
    let web = web::file(flags)?;
    if !config.systemd_sockets && !web.as_ref().is_some_and(|(_, now)| now.asks_who_comes()) {
        serve::warn_of_open(config.listen.iter());
    }
    config.web = web.map(|(file, _)| file);
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
            dir: Some(PathBuf::from(file.map_or(DIR.to_owned(), |file| format!("{file}.mangru")))),
            persistence_file: file.map(PathBuf::from),
            ttl_ms: flags.duration_ms("push.ttl").unwrap_or(0),
            consistency_check: !flags.switch("push.disable-consistency-check"),
            utf8_names: flags.switch("push.enable-utf8-names"),
            telemetry_path: format!("/{}", telemetry_path.trim_start_matches('/')),
        },
        flags: flags.map(),
        version: serve::version(serve::PUSHGATEWAY_VERSION),
        ..server::Config::default()
    })
}
