//! Web configuration files: what they mean, and what is said of those that are wrong.

use expect_test::{Expect, expect};

use super::*;

const HASH: &str = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

fn read(yaml: &str) -> Result<WebConfig, String> {
    parse(yaml, "w.yml", Path::new("/dir")).map_err(|error| error.0)
}

fn check(yaml: &str, expected: &Expect) {
    expected.assert_eq(&read(yaml).map_or_else(|error| error, |web| format!("{web:#?}")));
}

#[test]
fn everything_at_once() {
    let yaml = format!(
        "tls_server_config: {{cert_file: s.pem, key_file: /k.pem, client_auth_type: RequireAndVerifyClientCert,
  client_ca: PEM, client_allowed_sans: [a.test], min_version: TLS13, curve_preferences: [X25519],
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], prefer_server_cipher_suites: false}}
http_server_config: {{http2: false, headers: {{X-Frame-Options: deny}}}}
rate_limit: {{interval: 1m0.5s, burst: 3}}
basic_auth_users: {{alice: {HASH}}}"
    );
    check(
        &yaml,
        &expect![[r#"
        WebConfig {
            tls: Some(
                TlsServer {
                    cert: File(
                        "/dir/s.pem",
                    ),
                    key: File(
                        "/k.pem",
                    ),
                    client_auth: RequireAndVerify,
                    client_ca: Some(
                        Inline(
                            <secret>,
                        ),
                    ),
                    client_allowed_sans: Some(
                        [
                            "a.test",
                        ],
                    ),
                    min_version: Tls13,
                    max_version: Tls13,
                    cipher_suites: [
                        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                    ],
                    curves: [
                        "X25519",
                    ],
                    prefer_server_cipher_suites: false,
                },
            ),
            headers: [
                (
                    "X-Frame-Options",
                    "deny",
                ),
            ],
            users: [
                (
                    "alice",
                    <secret>,
                ),
            ],
            rate_limit: Some(
                RateLimit {
                    interval: 60.5s,
                    burst: 3,
                },
            ),
        }"#]],
    );
}

#[test]
fn little_or_nothing() {
    assert_eq!(read(""), Ok(WebConfig::default()));
    assert_eq!(read("tls_server_config: {min_version: TLS13}"), Ok(WebConfig::default()));
    assert_eq!(read("rate_limit: {burst: 5}").unwrap().rate_limit, None);
    let tls = read("tls_server_config: {cert: A, key: B}").unwrap().tls.unwrap();
    assert_eq!(tls.client_auth, ClientAuth::None);
    assert_eq!((tls.min_version, tls.max_version), (TlsVersion::Tls12, TlsVersion::Tls13));
    assert!(tls.prefer_server_cipher_suites && tls.client_allowed_sans.is_none());
    let kinds = ["NoClientCert", "RequestClientCert", "RequireClientCert", "RequireAnyClientCert"];
    for kind in kinds.into_iter().chain(["VerifyClientCertIfGiven", "RequireAndVerifyClientCert"]) {
        let yaml = format!("tls_server_config: {{cert: A, key: B, client_auth_type: {kind}}}");
        assert_eq!(read(&yaml).unwrap().tls.unwrap().client_auth, client_auth(kind).unwrap());
    }
}

#[test]
fn wrong_keys_and_values_of_tls() {
    for (tls, want) in [
        (
            "cert_file: a",
            expect![[r#"
            w.yml:1:20: missing one of key or key_file
              key tls_server_config"#]],
        ),
        (
            "key: a",
            expect![[r#"
            w.yml:1:20: missing one of cert or cert_file
              key tls_server_config"#]],
        ),
        (
            "cert: a, key: b, client_auth_type: Maybe",
            expect![[r#"
            w.yml:1:38: invalid ClientAuth: Maybe
              key tls_server_config.client_auth_type; value "Maybe"; allowed: NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven or RequireAndVerifyClientCert"#]],
        ),
        (
            "cert: a, key: b, client_ca_file: c",
            expect![[r#"
            w.yml:1:38: client CA's have been configured without a Client Auth Policy
              key tls_server_config.client_ca_file; value "c""#]],
        ),
        (
            "min_version: TLS11",
            expect![[r#"
            w.yml:1:34: TLS version TLS11 is not supported in this version: it is broken
              key tls_server_config.min_version; value "TLS11"; allowed: TLS12 or TLS13"#]],
        ),
        (
            "max_version: TLS14",
            expect![[r#"
            w.yml:1:34: unknown TLS version: TLS14
              key tls_server_config.max_version; value "TLS14"; allowed: TLS12 or TLS13"#]],
        ),
        (
            "cert: a, key: b, min_version: TLS13, max_version: TLS12",
            expect![[r#"
            w.yml:1:38: min_version is above max_version
              key tls_server_config.min_version; value "TLS13"; allowed: TLS12 or TLS13"#]],
        ),
    ] {
        check(&format!("tls_server_config: {{{tls}}}"), &want);
    }
}

#[test]
fn suites_and_curves_that_there_are_not() {
    for (tls, want) in [
        (
            "cipher_suites: [TLS_RSA_X]",
            expect![[r#"
            w.yml:1:37: unknown cipher: TLS_RSA_X
              key tls_server_config.cipher_suites[0]; value "TLS_RSA_X"; allowed: TLS_ECDHE_ECDSA_ or TLS_ECDHE_RSA_ with WITH_AES_128_GCM_SHA256, WITH_AES_256_GCM_SHA384 or WITH_CHACHA20_POLY1305_SHA256, and the suites of TLS 1.3"#]],
        ),
        (
            "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA]",
            expect![[r#"
            w.yml:1:37: cipher TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA is not supported in this version: it is a weak one
              key tls_server_config.cipher_suites[0]; value "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"; allowed: TLS_ECDHE_ECDSA_ or TLS_ECDHE_RSA_ with WITH_AES_128_GCM_SHA256, WITH_AES_256_GCM_SHA384 or WITH_CHACHA20_POLY1305_SHA256, and the suites of TLS 1.3"#]],
        ),
        (
            "curve_preferences: [X25519, CurveP521]",
            expect![[r#"
            w.yml:1:49: curve CurveP521 is not supported in this version
              key tls_server_config.curve_preferences[1]; value "CurveP521"; allowed: X25519, CurveP256 or CurveP384"#]],
        ),
        (
            "curve_preferences: [P1]",
            expect![[r#"
            w.yml:1:41: unknown curve: P1
              key tls_server_config.curve_preferences[0]; value "P1"; allowed: X25519, CurveP256 or CurveP384"#]],
        ),
        (
            "cert_fil: a",
            expect![[r#"
            w.yml:1:21: yaml: unmarshal errors:
              line 1: field cert_fil not found in type web.TLSConfig
                at w.yml:1:21: key tls_server_config.cert_fil (did you mean cert_file?); allowed: cert, key, client_ca, cert_file, key_file, client_auth_type, client_ca_file, cipher_suites, curve_preferences, min_version, max_version, prefer_server_cipher_suites, client_allowed_sans"#]],
        ),
    ] {
        check(&format!("tls_server_config: {{{tls}}}"), &want);
    }
}

#[test]
fn wrong_headers_users_and_limits() {
    for (yaml, want) in [
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    X-Mine: a\n",
            expect![[r#"
                w.yml:4:13: HTTP header "X-Mine" can not be configured
                  key http_server_config.headers.X-Mine; allowed: Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection, Content-Security-Policy"#]],
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: never}}",
            expect![[r#"
            w.yml:1:49: invalid value for X-Frame-Options. Expected one of: ["deny" "sameorigin"], but got: "never"
              key http_server_config.headers.X-Frame-Options; allowed: deny or sameorigin"#]],
        ),
        (
            "http_server_config: {headers: {Content-Security-Policy: [a]}}",
            expect![[r#"
            w.yml:1:57: header Content-Security-Policy is no text
              key http_server_config.headers.Content-Security-Policy; allowed: a text"#]],
        ),
        (
            "http_server_config: {headers: {Content-Security-Policy: \"a\\nb\"}}",
            expect![[r#"
            w.yml:1:57: header Content-Security-Policy has more than visible ASCII
              key http_server_config.headers.Content-Security-Policy"#]],
        ),
        (
            "basic_auth_users:\n  alice: secret\n",
            expect![[r#"
            w.yml:2:10: crypto/bcrypt: hashedSecret too short to be a bcrypted password
              key basic_auth_users.alice; allowed: a bcrypt hash"#]],
        ),
        (
            "basic_auth_users: {alice: {a: b}}",
            expect![[r#"
            w.yml:1:27: the user's hash is no text
              key basic_auth_users.alice; allowed: a bcrypt hash"#]],
        ),
        (
            "basic_auth_users: [alice]",
            expect![[r#"
            w.yml:1:19: yaml: unmarshal errors:
              line 1: cannot unmarshal !!seq into map[string]interface {}
                at w.yml:1:19: key basic_auth_users; allowed: a mapping of names, each to anything"#]],
        ),
        (
            "rate_limit: {interval: 1x}",
            expect![[r#"
            w.yml:1:24: time: invalid duration "1x"
              key rate_limit.interval; value "1x"; allowed: a duration such as 1s, 100ms or 1m30s; units h, m, s, ms, us, ns"#]],
        ),
        (
            "rate_limit: {burst: many}",
            expect![[r#"
            w.yml:1:21: yaml: unmarshal errors:
              line 1: cannot unmarshal !!str `many` into uint
                at w.yml:1:21: key rate_limit.burst; value "many"; allowed: a whole number, 0 or more"#]],
        ),
        (
            "nonsense",
            expect![[r#"
            w.yml:1:1: yaml: unmarshal errors:
              line 1: cannot unmarshal !!str `nonsense` into web.Config
                at w.yml:1:1: value "nonsense"; allowed: a mapping"#]],
        ),
    ] {
        check(yaml, &want);
    }
}

#[test]
fn secrets_are_not_shown() {
    let twice = format!("basic_auth_users: {{alice: {HASH}, bob: hunter2}}");
    let key = "tls_server_config: {key: hunter2, nonsense: 1}";
    for yaml in [twice.as_str(), key, "tls_server_config: {key: [hunter2]}"] {
        let error = read(yaml).unwrap_err();
        assert!(!error.contains("hunter2") && !error.contains(HASH), "{error}");
    }
    let all = format!("{:?}", read(&format!("basic_auth_users: {{alice: {HASH}}}")));
    assert!(all.contains("alice") && !all.contains(HASH), "{all}");
}

#[test]
fn durations_as_go_reads_them() {
    for (text, milliseconds) in [
        ("1s", Some(1000)),
        ("1h2m3.5s", Some(3_723_500)),
        ("100ms", Some(100)),
        ("5000000", Some(5)),
        ("0", Some(0)),
        ("", Some(0)),
        ("1", Some(0)),
        ("1d", None),
        ("-1s", None),
        ("s", None),
        ("1.2.3s", None),
        ("99999999999h", None),
    ] {
        let got = go_duration(text).map(|duration| duration.as_millis());
        assert_eq!(got, milliseconds, "{text:?}");
    }
}

#[test]
fn a_file_that_is_not_there() {
    let error = load_web(Path::new("/nowhere/w.yml")).unwrap_err().0;
    assert_eq!(error, "/nowhere/w.yml: open /nowhere/w.yml: no such file or directory");
}
