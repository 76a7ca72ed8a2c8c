//! Which address a request counts for, and from which country it comes: the peer's, or what a reverse proxy that we trust says
//! about it.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use gateway::{Client, Country};
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// How proxies name the client's country: Cloudflare, and those that are told to.
const COUNTRY: [&str; 2] = ["cf-ipcountry", "x-country"];

/// The proxies that are believed.
#[derive(Debug)]
pub struct Proxies {
    trusted: Vec<IpNet>,
    /// Whether the log says already that a proxy seems to be missing here.
    warned: AtomicBool,
}

impl Proxies {
    #[must_use]
    pub fn new(trusted: Vec<IpNet>) -> Self {
        Self { trusted, warned: AtomicBool::new(false) }
    }

    /// The client: the peer, or behind trusted proxies the last address in `X-Forwarded-For` that is none of theirs. What
    /// stands further left was written by the client itself. Only they are believed about its country.
    pub(super) fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        if !self.trusts(peer) {
            self.doubt(peer, headers);
            return Client::from(peer);
        }
        let country = COUNTRY.into_iter().find_map(|name| Country::read(headers.get(name)?.to_str().ok()?));
        let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        let mut client = peer;
        for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
            let Some(address) = address(hop.trim()) else { break };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        Client { address: client, country }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// Says once that somebody behaves like a proxy that nobody told us of: all who come through it would share one
    /// address, and with it the limit on wrong passwords.
    fn doubt(&self, peer: IpAddr, headers: &HeaderMap) {
        if self.warned.load(Ordering::Relaxed) || !headers.contains_key(FORWARDED_FOR) {
            return;
        }
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "a request carries X-Forwarded-For and comes from no trusted proxy, so the header is ignored; if this is your \
                 reverse proxy, name it in WEIR_TRUSTED_PROXIES: until then all who come through it count as one address"
            );
        }
    }
}

/// An address as proxies write it: alone, in brackets, or with the port it came from.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|both| both.ip())).or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(peer: &str, forwarded: Option<&str>) -> String {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        let mut headers = HeaderMap::new();
        if let Some(forwarded) = forwarded {
            headers.insert(FORWARDED_FOR, forwarded.parse().expect("a header"));
        }
        proxies.client_of(peer.parse().expect("an address"), &headers).address.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_name_the_country() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        for (peer, header, country) in [
            ("10.0.0.1", "cf-ipcountry", Some("DE")),
            ("10.0.0.1", "x-country", Some("DE")),
            ("10.0.0.1", "country", None),
            ("198.51.100.1", "cf-ipcountry", None),
        ] {
            let headers = HeaderMap::from_iter([(header.parse().expect("a name"), "de".parse().expect("a header"))]);
            let client = proxies.client_of(peer.parse().expect("an address"), &headers);
            assert_eq!(client.country.map(|country| country.to_string()).as_deref(), country, "{peer} {header}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_may_name_the_client() {
        let forwarded = Some("1.1.1.1, 203.0.113.7, 10.0.0.2");
        assert_eq!(named("10.0.0.1", forwarded), "203.0.113.7");
        assert_eq!(named("198.51.100.1", forwarded), "198.51.100.1");
        assert_eq!(named("10.0.0.1", None), "10.0.0.1");
    }

    #[test]
    fn a_port_behind_the_address_does_not_hide_it() {
        for (forwarded, client) in [
            ("203.0.113.7:5678", "203.0.113.7"),
            ("203.0.113.7:5678, 10.0.0.2:80", "203.0.113.7"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("unknown", "10.0.0.1"),
        ] {
            assert_eq!(named("10.0.0.1", Some(forwarded)), client, "{forwarded}");
        }
    }
}
