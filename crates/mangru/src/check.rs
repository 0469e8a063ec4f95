//! `mangru check config`, which is also `promtool check config`: what a server would say of a file, without running one.

use std::io::Write;
use std::path::Path;

use crate::config::{self, Config, Options};

/// Who is asking: the output is the same, the strictness about missing files is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// A server would start without the file: a warning.
    Mangru,
    /// `promtool` calls it a failure.
    Promtool,
}

/// What is checked.
#[derive(Debug, Clone)]
pub(crate) struct CheckConfig {
    pub(crate) tool: Tool,
    pub(crate) files: Vec<String>,
    /// Leave out the files that the configuration names.
    pub(crate) syntax_only: bool,
    /// The rules of the agent mode, too.
    pub(crate) agent: bool,
}

/// Checks each file; the process' exit code. Successes go to `out`, failures to `err`.
///
/// # Errors
/// When `out` or `err` cannot be written.
pub(crate) fn config(
    check: &CheckConfig,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> std::io::Result<u8> {
    let mut failed = false;
    for file in &check.files {
        writeln!(out, "Checking {file}")?;
        match checked(check, Path::new(file), out)? {
            Ok(()) => writeln!(out, " SUCCESS: {file} is valid prometheus config file syntax")?,
            Err(text) => {
                out.flush()?;
                writeln!(err, "  FAILED: {text}")?;
                failed = true;
            }
        }
        writeln!(out)?;
    }
    Ok(u8::from(failed))
}

/// Checks each web configuration file, and the certificates that it names; the process' exit code. All goes to `err`, as with
/// promtool.
///
/// # Errors
/// When `err` cannot be written.
pub(crate) fn web(files: &[String], err: &mut dyn Write) -> std::io::Result<u8> {
    let mut failed = false;
    for file in files {
        match server::check_web(crate::web::file_at(Path::new(file))) {
            Ok(()) => writeln!(err, "{file} SUCCESS")?,
            Err(text) => {
                writeln!(err, "{file} FAILED: {text}")?;
                failed = true;
            }
        }
    }
    Ok(u8::from(failed))
}

fn checked(
    check: &CheckConfig,
    path: &Path,
    out: &mut dyn Write,
) -> std::io::Result<Result<(), String>> {
    let config = match config::load(path, &Options::default()) {
        Ok(config) => config,
        Err(error) => return Ok(Err(error.0)),
    };
    if check.agent
        && let Some(field) = config.not_for_agents()
    {
        return Ok(Err(format!("field {field} is not allowed in agent mode")));
    }
    for warning in &config.warnings {
        writeln!(out, "  WARNING: {warning}")?;
    }
    if check.syntax_only {
        return Ok(Ok(()));
    }
    for sentence in config::missing_files(&config) {
        if check.tool == Tool::Promtool {
            return Ok(Err(sentence));
        }
        writeln!(out, "  WARNING: {sentence}")?;
    }
    rules_found(&config, out)?;
    Ok(Ok(()))
}

fn rules_found(config: &Config, out: &mut dyn Write) -> std::io::Result<()> {
    match config::rule_files(config).len() {
        0 => Ok(()),
        found => writeln!(out, "  SUCCESS: {found} rule files found"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(name: &str, text: &str, tool: Tool, expected: &Expect) {
        let dir = std::env::temp_dir().join(format!("mangru-check-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("p.yml");
        stdx::fs::write_atomic(&stdx::fs::real::RealFs, &path, text.as_bytes()).unwrap();
        let files = vec![path.display().to_string()];
        let what = CheckConfig { tool, files, syntax_only: false, agent: false };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = config(&what, &mut out, &mut err).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        let (out, err) = (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap());
        let text = format!("{out}{err}exit {code}\n").replace(&dir.display().to_string(), "DIR");
        expected.assert_eq(&text);
    }

    #[test]
    fn verdicts() {
        check(
            "good",
            "global: {scrape_interval: 5s}\n",
            Tool::Mangru,
            &expect![[r#"
            Checking DIR/p.yml
             SUCCESS: DIR/p.yml is valid prometheus config file syntax

            exit 0
        "#]],
        );
        check(
            "bad",
            "global: {scrape_intervall: 5s}\n",
            Tool::Mangru,
            &expect![[r#"
                Checking DIR/p.yml

                  FAILED: DIR/p.yml:1:10: parsing YAML file DIR/p.yml: yaml: unmarshal errors:
                  line 1: field scrape_intervall not found in type config.plain
                    at DIR/p.yml:1:10: key global.scrape_intervall (did you mean scrape_interval?); allowed: scrape_interval, scrape_timeout, scrape_protocols, evaluation_interval, rule_query_offset, query_log_file, scrape_failure_log_file, external_labels, body_size_limit, sample_limit, target_limit, label_limit, label_name_length_limit, label_value_length_limit, keep_dropped_targets, metric_name_validation_scheme, metric_name_escaping_scheme, scrape_native_histograms, convert_classic_histograms_to_nhcb, always_scrape_classic_histograms, extra_scrape_metrics
                exit 1
            "#]],
        );
        check(
            "rules",
            "rule_files: [nothing.yml]\n",
            Tool::Mangru,
            &expect![[r#"
            Checking DIR/p.yml
              WARNING: rule_files is checked and not active in this version
              WARNING: "DIR/nothing.yml" does not point to an existing file
             SUCCESS: DIR/p.yml is valid prometheus config file syntax

            exit 0
        "#]],
        );
        check(
            "strict",
            "rule_files: [nothing.yml]\n",
            Tool::Promtool,
            &expect![[r#"
            Checking DIR/p.yml
              WARNING: rule_files is checked and not active in this version

              FAILED: "DIR/nothing.yml" does not point to an existing file
            exit 1
        "#]],
        );
    }

    #[test]
    fn files_of_credentials() {
        let text = "scrape_configs: [{job_name: a, bearer_token_file: no, tls_config: {cert_file: no, key_file: no}}]\n";
        check(
            "files",
            text,
            Tool::Mangru,
            &expect![[r#"
            Checking DIR/p.yml
              WARNING: error checking authorization credentials or bearer token file "DIR/no": stat DIR/no: no such file or directory
              WARNING: error checking client cert file "DIR/no": stat DIR/no: no such file or directory
              WARNING: error checking client key file "DIR/no": stat DIR/no: no such file or directory
             SUCCESS: DIR/p.yml is valid prometheus config file syntax

            exit 0
        "#]],
        );
        check(
            "files-strict",
            text,
            Tool::Promtool,
            &expect![[r#"
            Checking DIR/p.yml

              FAILED: error checking authorization credentials or bearer token file "DIR/no": stat DIR/no: no such file or directory
            exit 1
        "#]],
        );
    }

    #[test]
    fn web_configuration_files() {
        let dir = std::env::temp_dir().join(format!("mangru-check-web-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut files = vec![dir.join("none.yml").display().to_string()];
        for (name, text) in [
            ("good.yml", "rate_limit: {interval: 1s, burst: 1}\n"),
            ("bad.yml", "rate_limit: {intervals: 1s}\n"),
            ("files.yml", "tls_server_config: {cert_file: s.pem, key_file: s.key}\n"),
        ] {
            let path = dir.join(name);
            stdx::fs::write_atomic(&stdx::fs::real::RealFs, &path, text.as_bytes()).unwrap();
            files.push(path.display().to_string());
        }
        let mut err = Vec::new();
        assert_eq!(web(&files, &mut err).unwrap(), 1);
        assert_eq!(web(&files[1..2], &mut Vec::new()).unwrap(), 0);
        std::fs::remove_dir_all(&dir).unwrap();
        let text = String::from_utf8(err).unwrap().replace(&dir.display().to_string(), "DIR");
        expect![[r#"
            DIR/none.yml FAILED: DIR/none.yml: open DIR/none.yml: no such file or directory
            DIR/good.yml SUCCESS
            DIR/bad.yml FAILED: DIR/bad.yml:1:14: yaml: unmarshal errors:
              line 1: field intervals not found in type web.RateLimiterConfig
                at DIR/bad.yml:1:14: key rate_limit.intervals (did you mean interval?); allowed: burst, interval
            DIR/files.yml FAILED: DIR/files.yml: failed to read cert_file (DIR/s.pem): open DIR/s.pem: no such file or directory
        "#]].assert_eq(&text);
    }

    #[test]
    fn a_file_that_is_not_there() {
        let files = vec!["/nowhere/p.yml".to_owned()];
        let what = CheckConfig { tool: Tool::Mangru, files, syntax_only: false, agent: false };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(config(&what, &mut out, &mut err).unwrap(), 1);
        let err = String::from_utf8(err).unwrap();
        assert_eq!(
            err,
            "  FAILED: /nowhere/p.yml: open /nowhere/p.yml: no such file or directory\n"
        );
    }
}
