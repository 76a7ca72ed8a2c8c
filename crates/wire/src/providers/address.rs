//! Addresses of providers, and what clients ask for behind them.

use std::fmt;
use std::net::Ipv6Addr;

use super::Provider;
use crate::auth::{Facts, google};

/// The version of Azure's API where an address by deployments names none.
const AZURE_VERSION: &str = "2024-10-21";

/// An address taken apart: what a connection needs, and what comes before every path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// `https` or `http`.
    pub scheme: String,
    /// Host and, where it is written, port.
    pub authority: String,
    /// Empty, or begins with a slash and does not end with one.
    pub path: String,
    /// What `api-version` is set to in each call; Azure wants it.
    pub api_version: Option<String>,
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)?;
        self.api_version.as_ref().map_or(Ok(()), |version| write!(f, "?api-version={version}"))
    }
}

/// Why an address is not usable as a provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an http:// or https:// address without user name, fragment or any query but api-version")]
pub struct BadBase;

/// Where to call a provider: its own address, with what a key says of the account, or the one that replaces it. A replacement
/// without a path keeps the provider's path (`http://127.0.0.1:9001` becomes `http://127.0.0.1:9001/v1`); one with a path is
/// taken as it is.
///
/// # Errors
/// When the replacement is no address of a web server, or there is none for a provider that needs one.
pub fn resolve_base(provider: &Provider, replacement: Option<&str>, facts: Facts<'_>) -> Result<Base, BadBase> {
    let Some(text) = replacement else {
        return parse_base(&fill(&provider.base_url, facts).ok_or(BadBase)?);
    };
    let base = parse_base(text)?;
    let base = if provider.slug == "azure-openai" { azure(base) } else { base };
    if !base.path.is_empty() {
        return Ok(base);
    }
    let region = google::location_of(&base.authority).or(facts.region);
    let path = provider.base_url.splitn(4, '/').nth(3).and_then(|path| fill(path, Facts { region, ..facts }));
    Ok(Base { path: path.map(|path| format!("/{path}")).unwrap_or_default(), ..base })
}

/// A text with the facts of an account in the place of their names; none where one is not known.
fn fill(template: &str, facts: Facts<'_>) -> Option<String> {
    let mut text = template.to_owned();
    if let Some(region) = facts.region {
        let before = if region == "global" { String::new() } else { format!("{region}-") };
        text = text.replace("{region-}", &before).replace("{region}", region);
    }
    if let Some(project) = facts.project {
        text = text.replace("{project}", project);
    }
    (!text.contains('{')).then_some(text)
}

/// Azure's older form is told by `api-version` or by the word `deployments`. Its base path ends with `/openai`, below which each
/// model has a deployment, or names one deployment.
fn azure(base: Base) -> Base {
    let by_deployment = base.path.contains("/openai/deployments");
    let api_version = base.api_version.or_else(|| by_deployment.then(|| AZURE_VERSION.to_owned()));
    let path = match base.path.strip_suffix("/deployments") {
        Some(path) => path.to_owned(),
        None if base.path.is_empty() && api_version.is_some() => "/openai".to_owned(),
        None => base.path,
    };
    Base { path, api_version, ..base }
}

impl Base {
    /// Whether OpenAI's endpoints are below the name of a deployment here.
    #[must_use]
    pub fn by_deployment(&self) -> bool {
        self.api_version.is_some() && self.path.ends_with("/openai")
    }
}

/// Puts `rest` behind `base_path`. Clients ask for `chat/completions` as well as `v1/chat/completions`: segments that
/// `base_path` ends with and `rest` begins with are not doubled. A query at the end of `rest` stays as it is.
#[must_use]
pub fn upstream_path(base_path: &str, rest: &str) -> String {
    let base = base_path.trim_end_matches('/');
    let rest = rest.trim_start_matches('/');
    let path_end = rest.find('?').unwrap_or(rest.len());
    let (path, query) = rest.split_at(path_end);
    let mut shared = 0;
    for end in path.match_indices('/').map(|(place, _)| place).chain([path.len()]) {
        let head = &path[..end];
        let before = base.strip_suffix(head);
        if end > 0 && before.is_some_and(|before| before.ends_with('/')) {
            shared = end;
        }
    }
    let tail = path[shared..].trim_start_matches('/');
    let slash = if tail.is_empty() { "" } else { "/" };
    let joined = format!("{base}{slash}{tail}{query}");
    if joined.starts_with('/') { joined } else { format!("/{joined}") }
}

/// Takes an address apart.
///
/// # Errors
/// When it is no address of a web server, or holds a user name, a fragment or any query but `api-version`.
pub fn parse_base(text: &str) -> Result<Base, BadBase> {
    let (scheme, rest) = text.trim().split_once("://").ok_or(BadBase)?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return Err(BadBase);
    }
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let api_version = query.map(|query| query.strip_prefix("api-version=").ok_or(BadBase)).transpose()?;
    if api_version.is_some_and(|version| version.is_empty() || version.len() > 32 || !is_version(version)) {
        return Err(BadBase);
    }
    let plain = |text: &str, more: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
    if !valid_authority(authority) || !plain(path, b"-._~!$&'()*+,;=:@/%") {
        return Err(BadBase);
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(BadBase);
    }
    let path = path.trim_end_matches('/').to_owned();
    Ok(Base { scheme, authority: authority.to_ascii_lowercase(), path, api_version: api_version.map(str::to_owned) })
}

fn is_version(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
}

fn valid_authority(authority: &str) -> bool {
    let valid_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(host, port)| {
            host.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(valid_port))
        });
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    !host.is_empty() && plain && port.is_none_or(valid_port)
}
