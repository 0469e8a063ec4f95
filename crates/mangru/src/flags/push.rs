//! The flags of `pushgateway`: Pushgateway's own, and one of ours.

use super::table::{Flag, Kind, LEVELS, flag, inert};

/// All flags.
pub(crate) static PUSHGATEWAY: &[Flag] = &[
    flag(
        "web.listen-address",
        Kind::Text,
        "127.0.0.1:9091",
        "Address to listen on; may be repeated. An open address without --web.config.file lets everybody in",
    )
    .repeats(),
    flag(
        "web.config.file",
        Kind::Text,
        "",
        "Prometheus' file of TLS, passwords and headers (web.yml)",
    ),
    flag("web.systemd-socket", Kind::Switch, "false", "Listen on the sockets that systemd passes, not on addresses"),
    inert("web.local-assets", Kind::Text, ""),
    flag("web.telemetry-path", Kind::Text, "/metrics", "Path of the metrics"),
    flag("web.external-url", Kind::Text, "", "The URL under which people reach this gateway"),
    flag(
        "web.route-prefix",
        Kind::Text,
        "",
        "Prefix of all paths; without it the path of --web.external-url",
    ),
    flag("web.enable-lifecycle", Kind::Switch, "false", "Allow /-/quit"),
    flag("web.enable-admin-api", Kind::Switch, "false", "Allow the wipe of all groups"),
    flag(
        "persistence.file",
        Kind::Text,
        "",
        "Pushed metrics are kept in the folder FILE.mangru; without it in data/mangru/push",
    ),
    // Each push is on disk when it is answered.
    inert("persistence.interval", Kind::Duration, "5m"),
    flag(
        "push.disable-consistency-check",
        Kind::Switch,
        "false",
        "Take pushes that contradict what is there. DANGEROUS",
    ),
    flag(
        "push.enable-utf8-names",
        Kind::Switch,
        "false",
        "Allow any UTF-8 in names of metrics and labels",
    ),
    flag("push.ttl", Kind::Duration, "0s", "How long a group lives without a push; 0: for ever"),
    flag("log.level", Kind::OneOf(LEVELS), "info", "Least severe messages that are logged"),
    flag("log.format", Kind::OneOf(&["logfmt", "json"]), "logfmt", "How messages are written"),
];
