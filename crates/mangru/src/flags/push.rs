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
    flag("web.enable-admin-api", Kind::Switch, "false", "Allow the removal of all groups, or of selected ones"),
    flag(
        "persistence.file",
        Kind::Text,
        "",
        "Pushed metrics are kept in the folder FILE.mangru, and a FILE of Pushgateway is taken over; without it in data/mangru/push, or mangru/push of the home when that is /",
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
    flag(
        "push.enable-aggregation",
        Kind::Switch,
        "false",
        "Let ?aggregate=sum add a push to what its group has",
    ),
    flag("push.ttl", Kind::Duration, "0s", "How long a group lives without a push; 0: for ever"),
    flag(
        "push.write-token-file",
        Kind::Text,
        "",
        "File of a token that changes must bring as Authorization: Bearer",
    ),
    flag("push.body-bytes-max", Kind::Bytes, "64MiB", "Largest body of a push, packed and unpacked"),
    flag("push.labels-max", Kind::Whole, "128", "Most labels of a metric"),
    flag("push.group-metrics-max", Kind::Whole, "200000", "Most metrics of a group"),
    flag("push.groups-max", Kind::Whole, "10000", "Most groups"),
    flag("push.metrics-max", Kind::Whole, "2000000", "Most metrics of all groups"),
    flag("log.level", Kind::OneOf(LEVELS), "info", "Least severe messages that are logged"),
    flag("log.format", Kind::OneOf(&["logfmt", "json"]), "logfmt", "How messages are written"),
];
