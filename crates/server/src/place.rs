//! Where people find this server: the external URL, and the path that everything is served under.

use crate::config::Config;

/// The external URL in its parts, and the route prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// `http` or `https`.
    pub(crate) scheme: String,
    /// `HOST` or `HOST:PORT`.
    pub(crate) host: String,
    /// The path of the external URL: empty, or `/prom` without a slash at its end.
    pub(crate) path: String,
    /// The path that requests come with: empty, or `/prom` without a slash at its end.
    pub(crate) prefix: String,
    /// The main listener's port.
    pub(crate) port: String,
}

impl Place {
    /// # Errors
    /// What is wrong with the external URL.
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let main = config.listen.first().map_or("", String::as_str);
        let port = main.rsplit_once(':').map_or("", |(_, port)| port);
        let (scheme, rest) = if config.external_url.is_empty() {
            ("http", format!("{}:{port}", host_name()))
        } else {
            let (scheme, rest) = config.external_url.split_once("://").unwrap_or_default();
            if !matches!(scheme, "http" | "https") {
                return Err(format!(
                    "web.external-url {:?}: it has to start with http:// or https://",
                    config.external_url
                ));
            }
            (scheme, rest.to_owned())
        };
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest.as_str(), ""),
        };
        let path = trimmed(path)?;
        let prefix = if config.route_prefix.is_empty() {
            path.clone()
        } else {
            trimmed(&config.route_prefix)?
        };
        let (scheme, host, port) = (scheme.to_owned(), host.to_owned(), port.to_owned());
        Ok(Self { scheme, host, path, prefix, port })
    }

    /// `https://mon.example/prom`
    pub(crate) fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.path)
    }
}

/// `/a/b` of `a/b/`; empty of `/`.
fn trimmed(path: &str) -> Result<String, String> {
    let path = path.trim_matches('/');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    if let Some(bad) = path.bytes().find(|b| !plain(*b)) {
        return Err(format!(
            "path {path:?}: {:?} is not allowed in a path to serve under",
            char::from(bad)
        ));
    }
    Ok(if path.is_empty() { String::new() } else { format!("/{path}") })
}

/// This machine's name.
pub(crate) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(external_url: &str, route_prefix: &str) -> Result<Place, String> {
        Place::new(&Config {
            external_url: external_url.to_owned(),
            route_prefix: route_prefix.to_owned(),
            ..Config::default()
        })
    }

    #[test]
    fn urls_and_prefixes() {
        for (url, prefix, want_url, want_prefix) in [
            ("https://mon.example/prom/", "", "https://mon.example/prom", "/prom"),
            ("http://h:1/a/b", "/", "http://h:1/a/b", ""),
            ("http://h", "x", "http://h", "/x"),
        ] {
            let place = place(url, prefix).unwrap();
            assert_eq!((place.url().as_str(), place.prefix.as_str()), (want_url, want_prefix));
            assert_eq!(place.port, "9090");
        }
        assert!(place("", "").unwrap().url().ends_with(":9090"));
    }

    #[test]
    fn what_is_no_place() {
        assert_eq!(
            place("ftp://x", "").unwrap_err(),
            "web.external-url \"ftp://x\": it has to start with http:// or https://"
        );
        assert!(place("http://x", "/a\"b").unwrap_err().contains("'\"' is not allowed"));
    }
}
