//! `auth`: tokens and what each may be used for.

use std::path::Path;

use server::{Scope, Token};

use super::{ConfigError, files};
use crate::schema::{Kind, Named, Problem, Record, Section, key};

pub(super) static AUTH: Section = Section {
    name: "mangru.auth",
    keys: &[&[key("tokens", Kind::List(&Kind::Section(&TOKEN)))]],
    check: |record| {
        let mut names = std::collections::HashSet::new();
        for token in record.sections("tokens") {
            let Some(token) = token else {
                return Err(record.key_problem("tokens", "empty or null token"));
            };
            if !names.insert(token.text("name")) {
                let text = format!("found multiple tokens with name {:?}", token.text("name"));
                return Err(token.key_problem("name", text));
            }
        }
        if names.is_empty() {
            return Err(record.problem(NO_TOKENS));
        }
        Ok(())
    },
};

static TOKEN: Section = Section {
    name: "mangru.token",
    keys: &[&[
        key("name", Kind::Text).always(),
        key("token", Kind::Secret),
        key("token_file", Kind::File),
        key("scopes", Kind::Flow(&Kind::Named(&SCOPE))),
    ]],
    check: |record| {
        if !record.is_given("name") {
            return Err(record.key_problem("name", "the token has no name"));
        }
        if !record.is_given("scopes") {
            return Err(record.key_problem("scopes", "the token has no scopes"));
        }
        match (record.is_given("token"), record.is_given("token_file")) {
            (true, true) | (false, false) => {
                Err(record.problem("exactly one of token & token_file must be configured"))
            }
            (true, false) => {
                check_token(record.text("token")).map_err(|text| record.key_problem("token", text))
            }
            (false, true) => Ok(()),
        }
    },
};

static SCOPE: Named = Named {
    name: "mangru.scope",
    allowed: "read, write or admin",
    read: |text| match scope(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("unknown scope: {text}")),
    },
};

/// Fewest letters of a token: what is shorter can be guessed.
const TOKEN_BYTES_MIN: usize = 16;

fn check_token(token: &str) -> Result<(), String> {
    if token.len() < TOKEN_BYTES_MIN {
        return Err(format!("a token has at least {TOKEN_BYTES_MIN} characters"));
    }
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("a token has visible ASCII only, and no spaces".to_owned());
    }
    Ok(())
}

fn scope(text: &str) -> Option<Scope> {
    match text {
        "read" => Some(Scope::Read),
        "write" => Some(Scope::Write),
        "admin" => Some(Scope::Admin),
        _ => None,
    }
}

/// The tokens of `auth`; their files are read now.
///
/// # Errors
/// A file that cannot be read, or that holds no token.
pub(super) fn tokens(root: &Record) -> Result<Vec<Token>, ConfigError> {
    let Some(auth) = root.section("auth") else { return Ok(Vec::new()) };
    let read = |token: &Record| {
        let name = token.text("name").to_owned();
        let scopes = token.texts("scopes").iter().filter_map(|text| scope(text)).collect();
        let secret = match token.text("token_file") {
            "" => token.text("token").to_owned(),
            file => {
                let secret = files::read(Path::new(file))?.trim().to_owned();
                check_token(&secret)
                    .map_err(|text| ConfigError(format!("{file}: token {name:?}: {text}")))?;
                secret
            }
        };
        Ok(Token::new(name, &secret, scopes))
    };
    auth.sections("tokens").flatten().map(read).collect()
}

/// Refuses a section that is there and says nothing: it would read as a closed door, and be an open one.
pub(super) fn check(root: &Record) -> Result<(), Problem> {
    if root.is_written("auth") && !root.has("auth") {
        return Err(root.key_problem("auth", NO_TOKENS));
    }
    Ok(())
}

const NO_TOKENS: &str = "auth names no tokens";

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::config::{Config, Options, parse};

    fn read(yaml: &str) -> Result<Config, ConfigError> {
        parse(yaml, "m.yml", Path::new("/nowhere"), &Options::default())
    }

    fn check(yaml: &str, expected: &Expect) {
        let error = read(yaml).and_then(|config| config.tokens()).unwrap_err().0;
        expected.assert_eq(&error);
    }

    #[test]
    fn tokens_and_their_scopes() {
        let yaml = "auth: {tokens: [{name: a, token: 0123456789abcdef, scopes: [read, write]}]}";
        let config = read(yaml).unwrap();
        let scopes = vec![Scope::Read, Scope::Write];
        let token = Token::new("a".to_owned(), "0123456789abcdef", scopes);
        assert_eq!(config.tokens().unwrap(), [token]);
        assert!(!config.yaml().contains("0123456789abcdef"), "{}", config.yaml());
        assert_eq!(read("").unwrap().tokens().unwrap(), []);
    }

    #[test]
    fn tokens_in_files() {
        let dir = std::env::temp_dir().join(format!("mangru-auth-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let yaml = "auth: {tokens: [{name: a, token_file: t, scopes: [admin]}]}";
        let tokens = |text: &str| {
            let path = dir.join("t");
            stdx::fs::write_atomic(&stdx::fs::real::RealFs, &path, text.as_bytes()).unwrap();
            let config = parse(yaml, "m.yml", &dir, &Options::default()).unwrap();
            let error = |error: ConfigError| error.0.replace(&dir.display().to_string(), "DIR");
            config.tokens().map_err(error)
        };
        let token = Token::new("a".to_owned(), "0123456789abcdef", vec![Scope::Admin]);
        assert_eq!(tokens("0123456789abcdef\n"), Ok(vec![token]));
        let short = "DIR/t: token \"a\": a token has at least 16 characters";
        assert_eq!(tokens("0123456789abcde\n"), Err(short.to_owned()));
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn what_would_be_an_open_door() {
        for (yaml, want) in [
            (
                "auth:",
                expect![[r#"
                m.yml:1:1: parsing YAML file m.yml: auth names no tokens
                  key auth"#]],
            ),
            (
                "auth: {}",
                expect![[r#"
                m.yml:1:7: parsing YAML file m.yml: auth names no tokens
                  key auth"#]],
            ),
            (
                "auth: {tokens: []}",
                expect![[r#"
                m.yml:1:7: parsing YAML file m.yml: auth names no tokens
                  key auth"#]],
            ),
            (
                "auth: {tokens: [~]}",
                expect![[r#"
                m.yml:1:8: parsing YAML file m.yml: empty or null token
                  key auth.tokens"#]],
            ),
            (
                "auth: {users: [a]}",
                expect![[r#"
                m.yml:1:8: parsing YAML file m.yml: yaml: unmarshal errors:
                  line 1: field users not found in type mangru.auth
                    at m.yml:1:8: key auth.users; allowed: tokens"#]],
            ),
        ] {
            check(yaml, &want);
        }
    }

    #[test]
    fn tokens_that_cannot_be_used() {
        for (yaml, want) in [
            (
                "auth: {tokens: [{token: 0123456789abcdef, scopes: [read]}]}",
                expect![[r#"
                m.yml:1:17: parsing YAML file m.yml: the token has no name
                  key auth.tokens[0].name"#]],
            ),
            (
                "auth: {tokens: [{name: a, token: 0123456789abcdef}]}",
                expect![[r#"
                m.yml:1:17: parsing YAML file m.yml: the token has no scopes
                  key auth.tokens[0].scopes; allowed: a list, each read, write or admin"#]],
            ),
            (
                "auth: {tokens: [{name: a, token: 0123456789abcdef, scopes: [all]}]}",
                expect![[r#"
                m.yml:1:61: parsing YAML file m.yml: unknown scope: all
                  key auth.tokens[0].scopes[0]; value "all"; allowed: read, write or admin"#]],
            ),
            (
                "auth: {tokens: [{name: a, token: 0123456789abcde, scopes: [read]}]}",
                expect![[r#"
                m.yml:1:27: parsing YAML file m.yml: a token has at least 16 characters
                  key auth.tokens[0].token"#]],
            ),
            (
                "auth: {tokens: [{name: a, token: 0123456 89abcdef, scopes: [read]}]}",
                expect![[r#"
                m.yml:1:27: parsing YAML file m.yml: a token has visible ASCII only, and no spaces
                  key auth.tokens[0].token"#]],
            ),
            (
                "auth: {tokens: [{name: a, scopes: [read]}]}",
                expect![[r#"
                m.yml:1:17: parsing YAML file m.yml: exactly one of token & token_file must be configured
                  key auth.tokens[0]"#]],
            ),
            (
                "auth: {tokens: [{name: a, token_file: t, scopes: [read]}]}",
                expect!["/nowhere/t: open /nowhere/t: no such file or directory"],
            ),
        ] {
            check(yaml, &want);
        }
        let token = "{name: a, token: 0123456789abcdef, scopes: [read]}";
        check(
            &format!("auth: {{tokens: [{token}, {token}]}}"),
            &expect![[r#"
            m.yml:1:70: parsing YAML file m.yml: found multiple tokens with name "a"
              key auth.tokens[1].name; value "a""#]],
        );
    }
}
