//! Which addresses a provider may be given.

use domain::address::is_public;
use domain::validate::Problem;
use url::{Host, Url};

/// Longest address, in bytes.
const MAX_URL: usize = 2_048;

/// A provider's address in its normal form. Names are resolved only when a connection is made, where the same rule
/// is applied to what they resolve to; here names that always mean a private network are refused as well.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_base_url(text: &str, allow_private: bool) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Problem::Required);
    }
    if text.len() > MAX_URL {
        return Err(Problem::TooLong { max: MAX_URL as u64 });
    }
    let base = wire::providers::parse_base(text).map_err(|_| Problem::NotAUrl)?;
    // Spellings such as 0x7f.1 or 2130706433 are addresses too; this parser reads them as browsers and resolvers do.
    let url = Url::parse(text).map_err(|_| Problem::NotAUrl)?;
    let host = url.host().ok_or(Problem::NotAUrl)?;
    if !allow_private && !may_be_public(&host) {
        return Err(Problem::PrivateAddress);
    }
    Ok(base.to_string())
}

pub(crate) fn may_be_public(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(v4) => is_public((*v4).into()),
        Host::Ipv6(v6) => is_public((*v6).into()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let last = name.rsplit('.').next().unwrap_or(name);
            !matches!(last, "localhost" | "local" | "internal" | "localdomain")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_hosts_need_permission_in_every_spelling() {
        for private in [
            "http://127.0.0.1:9001",
            "http://localhost:9001/v1",
            "https://foo.localhost",
            "http://[::1]:80/",
            "http://169.254.169.254/latest",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://metadata.google.internal/",
            "http://[::ffff:10.0.0.1]/",
        ] {
            assert_eq!(check_base_url(private, false), Err(Problem::PrivateAddress), "{private}");
            assert!(check_base_url(private, true).is_ok(), "{private}");
        }
    }

    #[test]
    fn only_plain_web_addresses_are_taken() {
        for bad in [
            "ftp://example.com",
            "example.com",
            "https://user:pass@example.com",
            "https://example.com/?a=b",
            "https://example.com/#x",
            "https://",
            "file:///etc/passwd",
            "https://exa mple.com",
        ] {
            assert_eq!(check_base_url(bad, true), Err(Problem::NotAUrl), "{bad}");
        }
        assert_eq!(check_base_url("", true), Err(Problem::Required));
        assert_eq!(check_base_url(" https://API.example.com/v1/ ", false).as_deref(), Ok("https://api.example.com/v1"));
    }
}
