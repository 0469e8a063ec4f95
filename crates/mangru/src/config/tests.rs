//! Configurations and what becomes of them; with `MANGRU_CONFORMANCE` set, Prometheus' own files too.

use std::path::Path;

use expect_test::{Expect, expect};

use super::*;

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(text, "prometheus.yml", Path::new("/etc/p"), &Options::default())
}

/// The whole error of a configuration, or its dump and warnings.
fn check(text: &str, expected: &Expect) {
    let out = match read(text) {
        Ok(config) => {
            let warnings: String =
                config.warnings.iter().map(|text| format!("# {text}\n")).collect();
            format!("{warnings}{}", config.yaml())
        }
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&out);
}

#[test]
fn nothing_is_a_configuration() {
    check(
        "",
        &expect![[r#"
        global:
          scrape_interval: 1m
          scrape_timeout: 10s
          evaluation_interval: 1m
          metric_name_validation_scheme: utf8
          metric_name_escaping_scheme: allow-utf-8
          scrape_native_histograms: false
          extra_scrape_metrics: false
        runtime:
          gogc: 75
        storage:
          tsdb:
            retention:
              time: 15d
        otlp:
          translation_strategy: UnderscoreEscapingWithSuffixes
          label_name_underscore_sanitization: true
          label_name_preserve_multiple_underscores: true
    "#]],
    );
    check(
        "global:\nscrape_configs:\n",
        &expect![[r#"
        global:
          scrape_interval: 1m
          scrape_timeout: 10s
          evaluation_interval: 1m
          metric_name_validation_scheme: utf8
          metric_name_escaping_scheme: allow-utf-8
          scrape_native_histograms: false
          extra_scrape_metrics: false
        runtime:
          gogc: 75
        storage:
          tsdb:
            retention:
              time: 15d
        otlp:
          translation_strategy: UnderscoreEscapingWithSuffixes
          label_name_underscore_sanitization: true
          label_name_preserve_multiple_underscores: true
    "#]],
    );
}

#[test]
fn a_scrape_configuration_with_its_defaults() {
    let text = "scrape_configs: [{job_name: a, static_configs: [{targets: ['x:1']}]}]\n";
    check_scrapes(
        text,
        &expect![[r#"
        - job_name: a
          honor_timestamps: true
          track_timestamps_staleness: false
          scrape_interval: 1m
          scrape_timeout: 10s
          scrape_protocols:
          - OpenMetricsText1.0.0
          - OpenMetricsText0.0.1
          - PrometheusText1.0.0
          - PrometheusText0.0.4
          scrape_native_histograms: false
          always_scrape_classic_histograms: false
          convert_classic_histograms_to_nhcb: false
          metrics_path: /metrics
          scheme: http
          enable_compression: true
          metric_name_validation_scheme: utf8
          metric_name_escaping_scheme: allow-utf-8
          extra_scrape_metrics: false
          follow_redirects: true
          enable_http2: true
          static_configs:
          - targets:
            - x:1
    "#]],
    );
}

const INHERITING: &str = "\
global:
  scrape_interval: 5s
  sample_limit: 10
  body_size_limit: 15MB
  scrape_native_histograms: true
  external_labels: {b: '1', a: x}
scrape_configs:
- job_name: a
  sample_limit: 20
  scrape_native_histograms: false
  bearer_token_file: token
  proxy_url: http://user:password@proxy:3128
  params: {z: [b, a], m: ['1']}
  relabel_configs:
  - {source_labels: [a, b], regex: '(.+)', target_label: c, replacement: ''}
  - {action: LabelDrop, regex: x}
";

#[test]
fn what_is_inherited() {
    check_scrapes(
        INHERITING,
        &expect![[r#"
        - job_name: a
          honor_timestamps: true
          track_timestamps_staleness: false
          params:
            m:
            - "1"
            z:
            - b
            - a
          scrape_interval: 5s
          scrape_timeout: 5s
          scrape_protocols:
          - OpenMetricsText1.0.0
          - OpenMetricsText0.0.1
          - PrometheusText1.0.0
          - PrometheusText0.0.4
          scrape_native_histograms: false
          always_scrape_classic_histograms: false
          convert_classic_histograms_to_nhcb: false
          metrics_path: /metrics
          scheme: http
          enable_compression: true
          body_size_limit: 15MiB
          sample_limit: 20
          metric_name_validation_scheme: utf8
          metric_name_escaping_scheme: allow-utf-8
          extra_scrape_metrics: false
          authorization:
            type: Bearer
            credentials_file: /etc/p/token
          follow_redirects: true
          enable_http2: true
          proxy_url: http://user:xxxxx@proxy:3128
          relabel_configs:
          - source_labels: [a, b]
            separator: ;
            regex: (.+)
            target_label: c
            replacement: ""
            action: replace
          - separator: ;
            regex: x
            replacement: $1
            action: labeldrop
    "#]],
    );
}

#[test]
fn unknown_and_repeated_keys_and_wrong_types_come_together() {
    check(
        "\
global:
  scrape_intervall: 5s
  sample_limit: -1
scrape_configs:
  - job_name: a
    honor_labels: maybe
    consult_sd_configs: []
    job_name: b
  - [x]
",
        &expect![[r#"
            prometheus.yml:2:3: parsing YAML file prometheus.yml: yaml: unmarshal errors:
              line 2: field scrape_intervall not found in type config.plain
                at prometheus.yml:2:3: key global.scrape_intervall (did you mean scrape_interval?); allowed: scrape_interval, scrape_timeout, scrape_protocols, evaluation_interval, rule_query_offset, query_log_file, scrape_failure_log_file, external_labels, body_size_limit, sample_limit, target_limit, label_limit, label_name_length_limit, label_value_length_limit, keep_dropped_targets, metric_name_validation_scheme, metric_name_escaping_scheme, scrape_native_histograms, convert_classic_histograms_to_nhcb, always_scrape_classic_histograms, extra_scrape_metrics
              line 3: cannot unmarshal !!int `-1` into uint
                at prometheus.yml:3:17: key global.sample_limit; value "-1"; allowed: a whole number, 0 or more
              line 6: cannot unmarshal !!str `maybe` into bool
                at prometheus.yml:6:19: key scrape_configs[0].honor_labels; value "maybe"; allowed: true or false
              line 7: field consult_sd_configs not found in type config.ScrapeConfig
                at prometheus.yml:7:5: key scrape_configs[0].consult_sd_configs (did you mean consul_sd_configs?); allowed: job_name, honor_labels, honor_timestamps, track_timestamps_staleness, params, scrape_interval, scrape_timeout, scrape_protocols, fallback_scrape_protocol, scrape_native_histograms, always_scrape_classic_histograms, convert_classic_histograms_to_nhcb, scrape_failure_log_file, metrics_path, scheme, enable_compression, body_size_limit, sample_limit, target_limit, label_limit, label_name_length_limit, label_value_length_limit, native_histogram_bucket_limit, native_histogram_min_bucket_factor, keep_dropped_targets, metric_name_validation_scheme, metric_name_escaping_scheme, extra_scrape_metrics, basic_auth, authorization, oauth2, bearer_token, bearer_token_file, tls_config, follow_redirects, enable_http2, proxy_url, no_proxy, proxy_from_environment, proxy_connect_header, http_headers, relabel_configs, metric_relabel_configs, aws_sd_configs, azure_sd_configs, consul_sd_configs, digitalocean_sd_configs, dns_sd_configs, docker_sd_configs, dockerswarm_sd_configs, ec2_sd_configs, ecs_sd_configs, elasticache_sd_configs, eureka_sd_configs, file_sd_configs, gce_sd_configs, hetzner_sd_configs, http_sd_configs, ionos_sd_configs, kubernetes_sd_configs, kuma_sd_configs, lightsail_sd_configs, linode_sd_configs, marathon_sd_configs, msk_sd_configs, nerve_sd_configs, nomad_sd_configs, oci_sd_configs, openstack_sd_configs, outscale_sd_configs, ovhcloud_sd_configs, puppetdb_sd_configs, rds_sd_configs, scaleway_sd_configs, serverset_sd_configs, stackit_sd_configs, static_configs, triton_sd_configs, uyuni_sd_configs, vultr_sd_configs
              line 8: field job_name already set in type config.ScrapeConfig
                at prometheus.yml:8:5: key scrape_configs[0].job_name; allowed: each key once
              line 9: cannot unmarshal !!seq into config.ScrapeConfig
                at prometheus.yml:9:5: key scrape_configs[1]; allowed: a mapping
        "#]],
    );
}

#[test]
fn broken_rules_say_where() {
    for (text, expected) in [
        (
            "global: {scrape_interval: 15}",
            expect![[r#"
            prometheus.yml:1:27: parsing YAML file prometheus.yml: not a valid duration string: "15"
              key global.scrape_interval; value "15"; allowed: a duration such as 30s, 5m or 1h30m; units y, w, d, h, m, s, ms
        "#]],
        ),
        (
            "global: {scrape_timeout: 2m}",
            expect![[r#"
            prometheus.yml:1:10: parsing YAML file prometheus.yml: global scrape timeout greater than scrape interval
              key global.scrape_timeout; value "2m"; allowed: a duration such as 30s, 5m or 1h30m; units y, w, d, h, m, s, ms
        "#]],
        ),
        (
            "global: {body_size_limit: 100}",
            expect![[r#"
            prometheus.yml:1:27: parsing YAML file prometheus.yml: units: unknown unit  in 100
              key global.body_size_limit; value "100"; allowed: a size such as 512MB; units B, KB, MB, GB, TB, PB, EB (base 2), or 0
        "#]],
        ),
        (
            "scrape_configs:\n- static_configs: []",
            expect![[r#"
            prometheus.yml:2:3: parsing YAML file prometheus.yml: job_name is empty
              key scrape_configs[0].job_name
        "#]],
        ),
        (
            "scrape_configs: [~]",
            expect![[r#"
            prometheus.yml:1:1: parsing YAML file prometheus.yml: empty or null scrape config section
              key scrape_configs
        "#]],
        ),
        (
            "rule_files: ['a*/b.yml']",
            expect![[r#"
            prometheus.yml:1:1: parsing YAML file prometheus.yml: invalid rule file path "a*/b.yml"
              key rule_files
        "#]],
        ),
    ] {
        check(text, &expected);
    }
}

#[test]
fn broken_rules_below_say_where() {
    for (text, expected) in [
        (
            "scrape_configs: [{job_name: a, basic_auth: {password: hunter2, password_file: x}}]",
            expect![[r#"
                prometheus.yml:1:64: parsing YAML file prometheus.yml: at most one of basic_auth password, password_file & password_ref must be configured
                  key scrape_configs[0].basic_auth.password_file; value "x"
            "#]],
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{regex: '('}]}]",
            expect![[r#"
            prometheus.yml:1:58: parsing YAML file prometheus.yml: error parsing regexp: missing closing ): `^(?s:()$`
              key scrape_configs[0].relabel_configs[0].regex; value "("; allowed: a regular expression in Go's syntax, anchored at both ends
        "#]],
        ),
        (
            "scrape_configs: [{job_name: a, tls_config: {cert_file: x}}]",
            expect![[r#"
            prometheus.yml:1:44: parsing YAML file prometheus.yml: exactly one of key or key_file must be configured when a client certificate is configured
              key scrape_configs[0].tls_config
        "#]],
        ),
        (
            "remote_write: [{url: 'http://a', headers: {Host: x}}]",
            expect![[r#"
            prometheus.yml:1:34: parsing YAML file prometheus.yml: Host is a reserved header. It must not be changed
              key remote_write[0].headers
        "#]],
        ),
        (
            "storage: {tsdb: {retention: {time: -1h}}}",
            expect![[r#"
            prometheus.yml:1:36: parsing YAML file prometheus.yml: not a valid duration string: "-1h"
              key storage.tsdb.retention.time; value "-1h"; allowed: a duration such as 30s, 5m or 1h30m; units y, w, d, h, m, s, ms
        "#]],
        ),
    ] {
        check(text, &expected);
    }
}

#[test]
fn yaml_errors_say_where() {
    check(
        "global: [",
        &expect![[r#"
        prometheus.yml:2:1: parsing YAML file prometheus.yml: yaml: line 2: while parsing a node, did not find expected node content
    "#]],
    );
    check(
        "a: &a {b: 1}\nglobal: {<<: *a}\n",
        &expect![[r#"
        prometheus.yml:1:1: parsing YAML file prometheus.yml: yaml: unmarshal errors:
          line 1: field a not found in type config.plain
            at prometheus.yml:1:1: key a; allowed: global, runtime, alerting, rule_files, scrape_config_files, scrape_configs, storage, tracing, remote_write, remote_read, otlp, pushgateway, alertmanager, logs, host_metrics, dashboards, listen, auth
          line 1: field b not found in type config.plain
            at prometheus.yml:1:8: key global.b; allowed: scrape_interval, scrape_timeout, scrape_protocols, evaluation_interval, rule_query_offset, query_log_file, scrape_failure_log_file, external_labels, body_size_limit, sample_limit, target_limit, label_limit, label_name_length_limit, label_value_length_limit, keep_dropped_targets, metric_name_validation_scheme, metric_name_escaping_scheme, scrape_native_histograms, convert_classic_histograms_to_nhcb, always_scrape_classic_histograms, extra_scrape_metrics
    "#]],
    );
    check(
        "- a\n",
        &expect![[r#"
        prometheus.yml:1:1: parsing YAML file prometheus.yml: yaml: unmarshal errors:
          line 1: cannot unmarshal !!seq into config.plain
            at prometheus.yml:1:1: allowed: a mapping
    "#]],
    );
    check(
        "just text\n",
        &expect![[r#"
        prometheus.yml:1:1: parsing YAML file prometheus.yml: yaml: unmarshal errors:
          line 1: cannot unmarshal !!str `just text` into config.plain
            at prometheus.yml:1:1: value "just text"; allowed: a mapping
    "#]],
    );
}

#[test]
fn what_is_not_active_is_named() {
    let warnings = |text: &str, options: &Options| {
        let config = parse(text, "p.yml", Path::new(""), options).unwrap();
        config.warnings.join("\n") + "\n"
    };
    expect![[r#"
        otlp is checked and not active in this version
        storage.tsdb.retention.size (time alone bounds what is kept) is checked and not active in this version
        storage.tsdb.retention.percentage (time alone bounds what is kept) is checked and not active in this version
        storage.tsdb.stale_series_compaction_threshold is checked and not active in this version
        storage.tsdb.chunk_encoding.floats: xor2 (xor is written) is checked and not active in this version
    "#]]
    .assert_eq(&warnings(
        "otlp: {convert_histograms_to_nhcb: true}\nstorage: {tsdb: {retention: {size: 1GB, percentage: 5}, stale_series_compaction_threshold: 0.5, chunk_encoding: {floats: xor2}}}",
        &Options::default(),
    ));
    let options = Options { retention_bytes: Some(1 << 30), ..Options::default() };
    expect![[r#"
        storage.tsdb.retention.size (time alone bounds what is kept) is checked and not active in this version
    "#]]
    .assert_eq(&warnings("", &options));
    let plain = "storage: {tsdb: {retention: {time: 1d}, chunk_encoding: {floats: xor}}}";
    assert_eq!(warnings(plain, &Options::default()), "\n");
}

#[test]
fn our_own_sections() {
    check(
        "pushgateway: {ttl: 1h}\nlisten: {main: ':1', syslog: ':1514'}\nlogs: {event_rules: [{name: a, on: {x: y}}]}\n",
        &expect![[r##"
            # logs.event_rules is accepted and not active in this version
            # listen.syslog is accepted and not active in this version
            global:
              scrape_interval: 1m
              scrape_timeout: 10s
              evaluation_interval: 1m
              metric_name_validation_scheme: utf8
              metric_name_escaping_scheme: allow-utf-8
              scrape_native_histograms: false
              extra_scrape_metrics: false
            runtime:
              gogc: 75
            storage:
              tsdb:
                retention:
                  time: 15d
            otlp:
              translation_strategy: UnderscoreEscapingWithSuffixes
              label_name_underscore_sanitization: true
              label_name_preserve_multiple_underscores: true
            pushgateway:
              ttl: 1h
            logs:
              event_rules:
              - name: a
                "on":
                  x: y
            listen:
              main: :1
              syslog: :1514
        "##]],
    );
    check(
        "pushgateway: {tll: 1h}",
        &expect![[r#"
            prometheus.yml:1:15: parsing YAML file prometheus.yml: yaml: unmarshal errors:
              line 1: field tll not found in type mangru.pushgateway
                at prometheus.yml:1:15: key pushgateway.tll (did you mean ttl?); allowed: ttl, aggregation, write_token, write_token_file, body_bytes_max, labels_max, group_metrics_max, groups_max, metrics_max
        "#]],
    );
    check(
        "listen: {main: nowhere}",
        &expect![[r#"
        prometheus.yml:1:10: parsing YAML file prometheus.yml: "nowhere" is not HOST:PORT
          key listen.main; value "nowhere"
    "#]],
    );
}

#[test]
fn secrets_do_not_show() {
    let config = read(
        "\
scrape_configs:
- job_name: a
  basic_auth: {username: u, password: hunter2}
  consul_sd_configs: [{token: hunter2, authorization: {credentials: hunter2}}]
- job_name: b
  oauth2: {client_id: c, client_secret: hunter2, token_url: http://t}
  http_headers: {X-A: {secrets: [hunter2]}}
  proxy_url: http://u:hunter2@p
  proxy_connect_header: {X-B: [hunter2]}
remote_write:
- url: http://u:hunter2@h/w
  sigv4: {access_key: a, secret_key: hunter2}
",
    );
    // A token beside an authorization is refused; without it the rest holds.
    let error = config.unwrap_err().0;
    assert!(error.contains("at most one of consul SD token, authorization, or oauth2"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    let config = read(
        "\
scrape_configs:
- job_name: a
  basic_auth: {username: u, password: hunter2}
  consul_sd_configs: [{token: hunter2}]
- job_name: b
  oauth2: {client_id: c, client_secret: hunter2, token_url: http://t}
  http_headers: {X-A: {secrets: [hunter2]}}
  proxy_url: http://u:hunter2@p
  proxy_connect_header: {X-B: [hunter2]}
remote_write:
- url: http://u:hunter2@h/w
  sigv4: {access_key: a, secret_key: hunter2}
",
    )
    .unwrap();
    let yaml = config.yaml();
    assert!(!yaml.contains("hunter2"), "{yaml}");
    assert_eq!(yaml.matches("<secret>").count(), 6, "{yaml}");
    let debug = format!("{:?}", config.scrape_configs());
    assert!(!debug.replace("http://u:hunter2@p", "").contains("hunter2"), "{debug}");
}

#[test]
fn relative_paths_start_from_the_file() {
    let config = read(
        "\
rule_files: [rules/*.yml, /abs/r.yml]
scrape_configs:
- job_name: a
  authorization: {credentials_file: token}
  tls_config: {ca_file: ca.pem}
  file_sd_configs: [{files: [targets/*.json]}]
",
    )
    .unwrap();
    let patterns: Vec<_> =
        config.rule_patterns().iter().map(|path| path.display().to_string()).collect();
    assert_eq!(patterns, ["/etc/p/rules/*.yml", "/abs/r.yml"]);
    let scrape = &config.scrape_configs()[0];
    assert_eq!(scrape.file_sd_configs[0].files, [Path::new("/etc/p/targets/*.json")]);
    assert_eq!(scrape.client.tls.ca, Some(net::config::Source::File("/etc/p/ca.pem".into())));
    let authorization = scrape.client.authorization.as_ref().unwrap();
    assert_eq!(authorization.credentials, net::config::Source::File("/etc/p/token".into()));
    assert_eq!(authorization.kind, "Bearer");
}

#[test]
fn the_dump_reads_back_as_itself() {
    let text = "\
global: {scrape_interval: 5s, external_labels: {a: '1'}}
scrape_configs:
- job_name: 'a b'
  metrics_path: /m
  params: {q: ['{__name__=~\".+\"}']}
  scheme: https
  metric_name_escaping_scheme: dots
  static_configs: [{targets: ['x:1', 'y:2'], labels: {l: 'yes'}}]
  kubernetes_sd_configs: [{role: pod, namespaces: {names: [n]}}]
  metric_relabel_configs: [{source_labels: [__name__], regex: 'a|b', action: keep}]
alerting: {alertmanagers: [{static_configs: [{targets: ['am:9093']}]}]}
remote_write: [{url: 'http://h/w', queue_config: {capacity: 5}}]
remote_read: [{url: 'http://h/r'}]
storage: {exemplars: {max_exemplars: 7}}
tracing: {endpoint: 'h:1'}
otlp: {promote_resource_attributes: [a]}
";
    let dump = read(text).unwrap().yaml();
    assert_eq!(read(&dump).unwrap().yaml(), dump);
}

#[test]
fn files_of_targets() {
    for (text, expected) in [
        ("", expect![[""]]),
        (
            "- targets: ['a:1', 'b:2']\n  labels: {x: 1, y: yes}\n- targets: [c]\n",
            expect![[r#"
            ["a:1", "b:2"] {x="1", y="yes"}
            ["c"] {}
        "#]],
        ),
        (
            "- targets: ['a:1']\n  label: {x: 1}\n",
            expect![[r#"
            t.yml:2:3: yaml: unmarshal errors:
              line 2: field label not found in type struct { Targets []string "yaml:\"targets\""; Labels model.LabelSet "yaml:\"labels\"" }
                at t.yml:2:3: key [0].label (did you mean labels?); allowed: targets, labels
        "#]],
        ),
        (
            "targets: ['a:1']\n",
            expect![[r#"
            t.yml:1:1: yaml: unmarshal errors:
              line 1: cannot unmarshal !!map into []*targetgroup.Group
                allowed: a list of groups, each with targets and labels
        "#]],
        ),
        (
            "- ~\n",
            expect![[r#"
            t.yml:1:3: nil target group item found (index 0)
        "#]],
        ),
        (
            "- targets: [\n",
            expect![[r#"
            t.yml:2:1: yaml: line 2: while parsing a node, did not find expected node content
        "#]],
        ),
    ] {
        let groups = match target_groups("t.yml", text.as_bytes()) {
            Ok(groups) => {
                let lines =
                    groups.iter().map(|group| format!("{:?} {}\n", group.targets, group.labels));
                lines.collect()
            }
            Err(error) => format!("{error}\n"),
        };
        expected.assert_eq(&groups);
    }
    assert!(target_groups("t.yml", b"\xff").is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// What is read is dumped as something that reads as the same; what is not gets an error with a place. Nothing panics.
    #[test]
    fn any_words_are_taken_or_refused(words in proptest::collection::vec(0..WORDS.len(), 0..40)) {
        let text: String = words.iter().map(|i| WORDS[*i]).collect();
        match read(&text) {
            Ok(config) => {
                let dump = config.yaml();
                let again = read(&dump).unwrap_or_else(|error| panic!("{text:?}: {error}\n{dump}"));
                assert_eq!(again.yaml(), dump, "{text:?}");
                assert_eq!(again.scrape_configs(), config.scrape_configs(), "{text:?}");
            }
            Err(error) => assert!(error.0.starts_with("prometheus.yml:"), "{error}"),
        }
    }
}

/// What random configurations are made of.
const WORDS: &[&str] = &[
    "global:\n",
    "scrape_configs:\n",
    "- job_name: a\n",
    "- job_name: b\n",
    "  scrape_interval: 5s\n",
    "  ",
    "\n",
    ": ",
    "  static_configs: [{targets: [x]}]\n",
    "  relabel_configs: [{action: drop, regex: '(', ",
    "regex: a}]\n",
    "&a ",
    "*a ",
    "<<: ",
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    "|\n",
    "~",
    "# ",
    "- ",
    "remote_write:\n",
    "- url: http://u:p@h\n",
    "5m",
    "!!binary ",
    "  basic_auth: {username: u, password: p}\n",
    "external_labels: {a: $X}\n",
    "\t",
    "가",
];

/// The dump's `scrape_configs`.
fn check_scrapes(text: &str, expected: &Expect) {
    let yaml = read(text).unwrap().yaml();
    let lines = yaml.lines().skip_while(|line| *line != "scrape_configs:").skip(1);
    let inside = lines.take_while(|line| line.starts_with([' ', '-']));
    let part: String = inside.map(|line| format!("{line}\n")).collect();
    expected.assert_eq(&part);
}

/// Cases of the shared folder whose verdict is ours too; a number that only grows.
const CONFORMANCE_PASSED_MIN: usize = 148;

fn expected_error(file: &str, errors: &[(String, String)]) -> Option<String> {
    errors.iter().find(|(name, _)| name == file).map(|(_, text)| text.clone())
}

#[test]
fn prometheus_own_files() {
    let Ok(folder) = std::env::var("MANGRU_CONFORMANCE") else { return };
    let folder = Path::new(&folder).join("config");
    let table = std::fs::read_to_string(folder.join("EXPECTED_ERRORS.tsv")).expect("the table");
    let unquote = |text: &str| text.replace("\\\"", "\"").trim_end_matches('\\').to_owned();
    let errors: Vec<(String, String)> = table
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .map(|(file, text)| (file.to_owned(), unquote(text)))
        .collect();
    let (mut passed, mut failed) = (0, Vec::new());
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).expect("the folder").flatten().map(|e| e.path()).collect();
    files.sort();
    for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "yml")) {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).expect("a text");
        let result = parse(&text, &format!("testdata/{file}"), &folder, &Options::default());
        let verdict = match (result, expected_error(&file, &errors)) {
            (Err(error), Some(expected)) if error.0.contains(&expected) => Ok(()),
            (Err(error), Some(expected)) => Err(format!("wanted {expected:?}, got {error}")),
            (Ok(_), Some(expected)) => Err(format!("accepted, wanted {expected:?}")),
            (Err(error), None) if file.ends_with(".good.yml") => Err(format!("refused: {error}")),
            (result, None) => {
                println!(
                    "{file}: {}",
                    result.map_or_else(|e| e.0, |c| format!("accepted {:?}", c.warnings))
                );
                Ok(())
            }
        };
        match verdict {
            Ok(()) => passed += 1,
            Err(why) => failed.push(format!("{file}: {why}")),
        }
    }
    println!("{passed} pass; {} do not:\n{}", failed.len(), failed.join("\n"));
    assert!(
        passed >= CONFORMANCE_PASSED_MIN,
        "{passed} pass, {CONFORMANCE_PASSED_MIN} did:\n{}",
        failed.join("\n")
    );
}

#[test]
fn the_gateways_token_and_limits() {
    let read = |yaml: &str| parse(yaml, "m.yml", Path::new(""), &Options::default()).unwrap();
    let plain = read("");
    assert_eq!(plain.push_token().unwrap(), None);
    assert_eq!(plain.push_limits(), server::PushLimits::default());
    let config = read("pushgateway: {write_token: t0ken, body_bytes_max: 1KiB, groups_max: 7}");
    assert_eq!(config.push_token().unwrap().unwrap().reveal(), "t0ken");
    let limits = config.push_limits();
    assert_eq!((limits.body_bytes, limits.groups, limits.labels), (1024, 7, 128));
    assert!(!config.yaml().contains("t0ken"));
    let none = read("pushgateway: {write_token_file: /nonexistent/token}");
    assert!(none.push_token().is_err());
}

#[test]
fn tokens_of_the_gateway_that_are_none() {
    check(
        "pushgateway: {write_token: a, write_token_file: b}",
        &expect![[r#"
        prometheus.yml:1:15: parsing YAML file prometheus.yml: write_token and write_token_file: one of them
          key pushgateway.write_token
    "#]],
    );
    check(
        "pushgateway: {write_token: ''}",
        &expect![[r#"
        prometheus.yml:1:15: parsing YAML file prometheus.yml: there is no token in it
          key pushgateway.write_token
    "#]],
    );
    check(
        "pushgateway: {write_token: a b}",
        &expect![[r#"
        prometheus.yml:1:15: parsing YAML file prometheus.yml: a token of other characters than ASCII's visible ones
          key pushgateway.write_token
    "#]],
    );
}
