//! Which requests go through a proxy, and through which.

use std::net::IpAddr;

use crate::auth::basic;
use crate::config::ProxyConfig;
use crate::error::ClientConfigError;
use crate::url::Url;

/// A proxy and who is reached without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub(crate) url: Url,
    /// The value of `Proxy-Authorization`; not shown.
    pub(crate) authorization: Option<crate::config::Secret>,
}

/// The proxies of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    no_proxy: Vec<Rule>,
    /// Loopback is reached directly (Go does so when rules or the environment decide).
    loopback_direct: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    All,
    Network {
        address: IpAddr,
        bits: u8,
    },
    /// A host and, unless `subdomains_only` is false, those below it.
    Domain {
        suffix: String,
        exact: bool,
        port: Option<u16>,
    },
}

impl Proxies {
    pub(crate) fn new(
        config: &ProxyConfig,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ClientConfigError> {
        if config.from_environment {
            let of = |name: &str| {
                env(name).or_else(|| env(&name.to_lowercase())).filter(|url| !url.is_empty())
            };
            return Ok(Self {
                http: of("HTTP_PROXY").map(|url| proxy(&url)).transpose()?,
                https: of("HTTPS_PROXY").map(|url| proxy(&url)).transpose()?,
                no_proxy: rules(&of("NO_PROXY").unwrap_or_default()),
                loopback_direct: true,
            });
        }
        if config.url.is_empty() {
            return Ok(Self::default());
        }
        let one = proxy(config.url.reveal())?;
        Ok(Self {
            http: Some(one.clone()),
            https: Some(one),
            no_proxy: rules(&config.no_proxy),
            loopback_direct: !config.no_proxy.is_empty(),
        })
    }

    /// The proxy for `url`; `None`: directly.
    pub(crate) fn of(&self, url: &Url) -> Option<&Proxy> {
        let proxy = if url.https { self.https.as_ref() } else { self.http.as_ref() }?;
        let address = url.host.parse::<IpAddr>().ok();
        let loopback = url.host == "localhost" || address.is_some_and(|ip| ip.is_loopback());
        if loopback && self.loopback_direct {
            return None;
        }
        let direct = self.no_proxy.iter().any(|rule| rule.covers(&url.host, address, url.port));
        (!direct).then_some(proxy)
    }
}

impl Rule {
    fn covers(&self, host: &str, address: Option<IpAddr>, at_port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Network { address: network, bits } => {
                address.is_some_and(|ip| in_network(ip, *network, *bits))
            }
            Self::Domain { suffix, exact, port } => {
                let host = host.to_lowercase();
                let below = host.strip_suffix(suffix.as_str()).is_some_and(|h| h.ends_with('.'));
                port.is_none_or(|port| port == at_port) && (below || (*exact && host == *suffix))
            }
        }
    }
}

fn in_network(ip: IpAddr, network: IpAddr, bits: u8) -> bool {
    let (a, b, width) = match (ip, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    let host_bits = width - u32::from(bits);
    let cut = |n: u128| n.checked_shr(host_bits).unwrap_or(0);
    cut(a) == cut(b)
}

fn rules(text: &str) -> Vec<Rule> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(rule).collect()
}

fn rule(text: &str) -> Rule {
    if text == "*" {
        return Rule::All;
    }
    if let Some((network, bits)) = text.split_once('/')
        && let (Ok(address), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u8>())
        && bits <= if address.is_ipv4() { 32 } else { 128 }
    {
        return Rule::Network { address, bits };
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        return Rule::Network { address, bits };
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (text, None),
    };
    let host = host.to_lowercase();
    let host = host.strip_prefix('*').unwrap_or(&host);
    let exact = !host.starts_with('.');
    Rule::Domain { suffix: host.trim_start_matches('.').to_owned(), exact, port }
}

fn proxy(text: &str) -> Result<Proxy, ClientConfigError> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    // The text may hold a password: it is not repeated in errors.
    let url = Url::parse(&whole).map_err(|_| {
        ClientConfigError::Proxy("expected http://[user:password@]host:port".to_owned())
    })?;
    if url.https {
        return Err(ClientConfigError::Proxy("a proxy over TLS is not supported yet".to_owned()));
    }
    let authority = whole.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or("");
    let authorization = authority.rsplit_once('@').map(|(user, _)| {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        basic(name, password)
    });
    Ok(Proxy { url, authorization })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn goes_through(no_proxy: &str, url: &str) -> bool {
        let config = ProxyConfig {
            url: Secret::new("http://proxy:3128"),
            no_proxy: no_proxy.to_owned(),
            ..ProxyConfig::default()
        };
        Proxies::new(&config, &|_| None).unwrap().of(&Url::parse(url).unwrap()).is_some()
    }

    #[test]
    fn who_is_reached_directly() {
        for (no_proxy, url, through) in [
            ("", "http://a/", true),
            ("", "http://localhost/", true),
            ("b", "http://localhost/", false),
            ("b", "http://127.0.0.1/", false),
            ("*", "http://a/", false),
            ("a.com", "http://a.com/", false),
            ("a.com", "http://x.A.com/", false),
            ("a.com", "http://xa.com/", true),
            (".a.com", "http://a.com/", true),
            (".a.com", "http://x.a.com/", false),
            ("a.com:81", "http://a.com/", true),
            ("a.com:80", "http://a.com/", false),
            ("10.0.0.0/8", "http://10.1.2.3/", false),
            ("10.0.0.0/8", "http://11.1.2.3/", true),
            ("::/0", "http://[2001:db8::1]/", false),
            ("0.0.0.0/0", "http://11.1.2.3/", false),
            ("10.1.2.3, c", "http://10.1.2.3/", false),
        ] {
            assert_eq!(goes_through(no_proxy, url), through, "{no_proxy:?} {url}");
        }
    }

    #[test]
    fn the_environment_is_asked_when_told_so() {
        let config = ProxyConfig { from_environment: true, ..ProxyConfig::default() };
        let env = |name: &str| (name == "HTTPS_PROXY").then(|| "u:p@proxy:1".to_owned());
        let proxies = Proxies::new(&config, &env).unwrap();
        assert!(proxies.of(&Url::parse("http://a/").unwrap()).is_none());
        let one = proxies.of(&Url::parse("https://a/").unwrap()).unwrap();
        assert_eq!(one.url.to_string(), "http://proxy:1");
        assert_eq!(one.authorization.as_ref().unwrap().reveal(), "Basic dTpw");
        assert!(!format!("{proxies:?}").contains("dTpw"));
    }

    #[test]
    fn a_proxy_that_we_cannot_use() {
        for url in ["socks5://u:secret@a", "https://a", "http://a:x"] {
            let config = ProxyConfig { url: Secret::new(url), ..ProxyConfig::default() };
            assert!(!format!("{config:?}").contains(url), "{config:?}");
            let error = Proxies::new(&config, &|_| None).unwrap_err().to_string();
            assert!(error.starts_with("proxy_url: ") && !error.contains("secret"), "{error}");
        }
    }
}
