//! Who sent a request, as far as the connection and the proxies in front of the server tell.

use std::fmt;
use std::net::IpAddr;

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    pub address: IpAddr,
    pub country: Option<Country>,
}

/// A country by its two letters, as proxies tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self { address, country: None }
    }
}

impl Country {
    /// Reads two letters or digits: `T1` is what Cloudflare calls Tor.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let code: [u8; 2] = text.trim().as_bytes().try_into().ok()?;
        let code = code.map(|letter| letter.to_ascii_uppercase());
        code.iter().all(u8::is_ascii_alphanumeric).then_some(Self(code))
    }

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_has_two_letters() {
        let read = |text| Country::read(text).map(|country| country.to_string());
        assert_eq!(read("de").as_deref(), Some("DE"));
        assert_eq!(read(" T1 ").as_deref(), Some("T1"));
        for bad in ["", "D", "DEU", "d-", "é"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
