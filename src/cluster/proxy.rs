//! Chooses the proxy for a server by the rules of Go's `net/http`, which kubectl uses.

use std::net::IpAddr;

use http::Uri;

/// The proxy variables of the environment, unparsed. They may contain passwords.
#[derive(Clone, Default)]
pub(crate) struct ProxyVariables {
    /// `HTTPS_PROXY`, or `https_proxy` where that is empty.
    pub https: String,
    /// `HTTP_PROXY`, or `http_proxy` where that is empty: for a server whose URL is `http://`.
    pub http: String,
    /// `NO_PROXY`, or `no_proxy` where that is empty.
    pub exceptions: String,
}

impl ProxyVariables {
    /// Reads them from the environment.
    #[must_use]
    pub(crate) fn from_env() -> Self {
        let either = |upper: &str| {
            let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
            read(upper)
                .or_else(|| read(&upper.to_ascii_lowercase()))
                .unwrap_or_default()
        };
        Self {
            https: either("HTTPS_PROXY"),
            http: either("HTTP_PROXY"),
            exceptions: either("NO_PROXY"),
        }
    }

    /// The proxy for `server`, if there is one.
    pub(super) fn proxy_for(&self, server: &Uri) -> Option<Proxy> {
        let (proxy, port) = match server.scheme_str() {
            Some("http") => (&self.http, 80),
            _ => (&self.https, 443),
        };
        let host = server.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
        let port = server.port_u16().unwrap_or(port);
        if proxy.is_empty() || is_excepted(&self.exceptions, &host, port) {
            return None;
        }
        parse_proxy(proxy)
    }
}

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
    Socks5,
}

/// The address and login of a proxy.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) scheme: Scheme,
    /// Its address, with a port where the scheme needs one.
    pub(super) url: Uri,
    /// The user and the password for it.
    pub(super) login: Option<(String, String)>,
}

/// Parses the URL of a proxy. A bare `host:port` means `http://`; a value that is not a URL means no proxy.
pub(super) fn parse_proxy(text: &str) -> Option<Proxy> {
    let text = text.trim();
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let url: Uri = full.parse().ok()?;
    // The proxy resolves names with both `socks5` and `socks5h`.
    let (scheme, port) = match url.scheme_str()? {
        "http" => (Scheme::Http, "80"),
        "https" => (Scheme::Https, "443"),
        "socks5" | "socks5h" => (Scheme::Socks5, "1080"),
        _ => return None,
    };
    let (login, place) = match url.authority()?.as_str().rsplit_once('@') {
        Some((login, place)) => (Some(parse_login(login)), place),
        None => (None, url.authority()?.as_str()),
    };
    let place = if url.port().is_some() {
        place.to_owned()
    } else {
        format!("{place}:{port}")
    };
    let url = format!("{}://{place}", url.scheme_str()?).parse().ok()?;
    Some(Proxy { scheme, url, login })
}

fn parse_login(text: &str) -> (String, String) {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    (unescape(user), unescape(password))
}

/// Decodes percent escapes such as `%40`. Invalid escapes are kept.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push((high * 16 + low) as u8);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_excepted(exceptions: &str, host: &str, port: u16) -> bool {
    let address = host.parse::<IpAddr>().ok();
    let is_local = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    is_local
        || exceptions
            .split(',')
            .any(|entry| excepts(&entry.trim().to_ascii_lowercase(), host, address, port))
}

/// Whether one entry of `NO_PROXY` matches this host. An invalid entry matches nothing.
fn excepts(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        return address.is_some_and(|address| in_network(address, network, bits));
    }
    let (name, wanted) = split_port(entry);
    if name.is_empty() || wanted.is_some_and(|wanted| wanted != port.to_string()) {
        return false;
    }
    match name.parse::<IpAddr>() {
        Ok(excepted) => address.is_some_and(|address| plain(address) == plain(excepted)),
        Err(_) => in_domain(host, name),
    }
}

/// Whether a host is in a domain: `foo.com` matches itself and its subdomains, `.foo.com` and `*.foo.com` only those.
fn in_domain(host: &str, name: &str) -> bool {
    let name = name
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => {
            host == name
                || host
                    .strip_suffix(name)
                    .is_some_and(|rest| rest.ends_with('.'))
        }
    }
}

fn split_port(entry: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = entry
        .strip_prefix('[')
        .and_then(|entry| entry.split_once(']'))
    {
        return (host, rest.strip_prefix(':'));
    }
    match entry.split_once(':') {
        // More than one colon is an IPv6 address without brackets.
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (entry, None),
    }
}

fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (plain(address), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

/// Converts an IPv4-mapped address: `::ffff:10.0.0.1` becomes `10.0.0.1`.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(exceptions: &str, server: &str) -> bool {
        let variables = ProxyVariables {
            https: "http://proxy:3128".into(),
            http: "http://proxy:3128".into(),
            exceptions: exceptions.into(),
        };
        variables.proxy_for(&server.parse().unwrap()).is_some()
    }

    #[test]
    fn exceptions_are_read_as_go_reads_them() {
        let cases = [
            ("", "https://k.example.com", true),
            ("*", "https://k.example.com", false),
            ("a, *", "https://k.example.com", false),
            ("example.com", "https://k.example.com", false),
            ("example.com", "https://example.com", false),
            ("example.com", "https://badexample.com", true),
            (".example.com", "https://k.example.com", false),
            (".example.com", "https://example.com", true),
            ("*.example.com", "https://k.example.com", false),
            ("*.example.com", "https://example.com", true),
            ("*example.com", "https://k.example.com", true),
            ("EXAMPLE.com", "https://K.Example.COM", false),
            ("k.example.com:6443", "https://k.example.com:6443", false),
            ("k.example.com:6443", "https://k.example.com", true),
            ("k.example.com:443", "https://k.example.com", false),
            ("k.example.com:80", "http://k.example.com", false),
            ("10.0.0.0/8", "https://10.1.2.3:6443", false),
            ("10.0.0.0/8", "https://11.1.2.3:6443", true),
            ("0.0.0.0/0", "https://11.1.2.3", false),
            ("10.0.0.0/33", "https://10.0.0.0", true),
            ("10.0.0.0/8", "https://k10.example.com", true),
            ("10.1.2.3", "https://10.1.2.3:6443", false),
            ("10.1.2.3:6443", "https://10.1.2.3:6443", false),
            ("10.1.2.3:443", "https://10.1.2.3:6443", true),
            ("fd00::/8", "https://[fd00::1]:6443", false),
            ("fd00::1", "https://[fd00::1]:6443", false),
            ("[fd00::1]:6443", "https://[fd00::1]:6443", false),
            ("[fd00::1]:443", "https://[fd00::1]:6443", true),
            ("", "https://localhost:6443", false),
            ("", "https://127.0.0.1:6443", false),
            ("", "https://127.8.8.8", false),
            ("", "https://[::1]:6443", false),
            // Invalid entries are ignored, and the others still count.
            (
                ",, ,:80,/,x/y,10.0.0.0/,10.1.2.3,",
                "https://10.1.2.3",
                false,
            ),
            ("a,", "https://10.1.2.3", true),
        ];
        for (exceptions, server, wanted) in cases {
            assert_eq!(
                proxied(exceptions, server),
                wanted,
                "NO_PROXY={exceptions:?} {server}"
            );
        }
    }

    #[test]
    fn a_proxy_is_found_by_the_scheme_of_the_server() {
        let variables = ProxyVariables {
            https: "secure:1".into(),
            ..ProxyVariables::default()
        };
        let proxy = |server: &str| {
            variables
                .proxy_for(&server.parse().unwrap())
                .map(|proxy| proxy.url.to_string())
        };
        assert_eq!(proxy("https://k"), Some("http://secure:1/".into()));
        assert_eq!(proxy("http://k"), None);
    }

    #[test]
    fn proxies_are_read_with_and_without_a_scheme() {
        let cases = [
            ("http://p:3128", Some((Scheme::Http, "http://p:3128/"))),
            ("p:3128", Some((Scheme::Http, "http://p:3128/"))),
            (" p ", Some((Scheme::Http, "http://p:80/"))),
            ("https://p", Some((Scheme::Https, "https://p:443/"))),
            (
                "socks5://[::1]",
                Some((Scheme::Socks5, "socks5://[::1]:1080/")),
            ),
            ("socks5h://p:9", Some((Scheme::Socks5, "socks5h://p:9/"))),
            ("ftp://p", None),
            ("", None),
            ("a b", None),
        ];
        for (text, wanted) in cases {
            let proxy = parse_proxy(text).map(|proxy| (proxy.scheme, proxy.url.to_string()));
            assert_eq!(
                proxy,
                wanted.map(|(scheme, url)| (scheme, url.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn the_login_of_a_proxy_is_unescaped() {
        let login = |text: &str| parse_proxy(text).unwrap().login;
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(login("http://me:p%40ss%3A%zz@p:1"), pair("me", "p@ss:%zz"));
        assert_eq!(login("http://me@p:1"), pair("me", ""));
        assert_eq!(login("http://p:1"), None);
    }
}
