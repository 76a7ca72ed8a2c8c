//! Bedrock's hosts: one for each service and region, and those that a key has of its own.

use super::Place;
use crate::auth::aws;
use crate::providers::{Base, upstream_path};

/// `bedrock-runtime/{region}/…`, `bedrock-mantle/{region}/…`, `bedrock/{region}/…`, and whatever the key's own address has.
pub(super) fn bedrock(base: &Base, rest: &str) -> Place {
    let manages = is_control_plane(&base.authority);
    let Some((service, region, path)) = placed(rest) else {
        return Place { manages, ..Place::at(upstream_path(&base.path, rest)) };
    };
    let public = PublicHost::of(&base.authority);
    let elsewhere = public.as_ref().filter(|own| (own.service, own.region) != (service, region));
    // An address that names its region is in that region, whatever the client writes.
    let is_bound = public.is_none() && aws::region_of(&base.authority).is_some();
    Place {
        authority: elsewhere.map(|own| own.sibling(service, region)),
        path: upstream_path(&base.path, path),
        region: (!is_bound).then(|| region.to_owned()),
        manages: manages || service == "bedrock",
    }
}

/// Service, region and the path at them, where a client names them.
fn placed(rest: &str) -> Option<(&str, &str, &str)> {
    let (service, tail) = rest.split_once('/')?;
    let (region, path) = tail.split_once('/')?;
    let known = matches!(service, "bedrock-runtime" | "bedrock" | "bedrock-mantle") && aws::is_region(region);
    known.then_some((service, region, path))
}

/// Whether an address of Amazon's is one at which models and agents are managed.
fn is_control_plane(authority: &str) -> bool {
    let manages = |label: &str| matches!(label.strip_suffix("-fips").unwrap_or(label), "bedrock" | "bedrock-agent");
    aws::region_of(authority).is_some() && authority.split('.').any(manages)
}

/// One of Bedrock's hosts on the internet, which stand for each other. Any other address of a key, such as that of an endpoint
/// within a private network, is the way that its owner chose.
struct PublicHost<'a> {
    service: &'a str,
    /// `-fips` or nothing.
    kind: &'a str,
    region: &'a str,
    domain: &'a str,
}

impl<'a> PublicHost<'a> {
    fn of(authority: &'a str) -> Option<Self> {
        let (name, rest) = authority.split_once('.')?;
        let (region, domain) = rest.split_once('.')?;
        let (service, kind) = name.strip_suffix("-fips").map_or((name, ""), |service| (service, "-fips"));
        let known = matches!(service, "bedrock" | "bedrock-runtime" | "bedrock-mantle")
            && matches!(domain, "amazonaws.com" | "amazonaws.com.cn" | "api.aws")
            && aws::is_region(region);
        known.then_some(Self { service, kind, region, domain })
    }

    /// The host of another service or region.
    fn sibling(&self, service: &str, region: &str) -> String {
        let domain = match (service, self.domain) {
            ("bedrock-mantle", _) => "api.aws",
            (_, "api.aws") => "amazonaws.com",
            (_, domain) => domain,
        };
        format!("{service}{}.{region}.{domain}", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::parse_base;

    const US: &str = "https://bedrock-runtime.us-east-1.amazonaws.com";

    fn place(base: &str, rest: &str) -> (String, Place) {
        let base = parse_base(base).expect("an address");
        let place = bedrock(&base, rest);
        (format!("{}{}", place.authority.as_ref().unwrap_or(&base.authority), place.path), place)
    }

    #[test]
    fn services_and_regions_have_their_hosts() {
        for (base, rest, wanted) in [
            (
                US,
                "bedrock-runtime/us-east-1/model/m/converse",
                "bedrock-runtime.us-east-1.amazonaws.com/model/m/converse",
            ),
            (
                US,
                "bedrock-runtime/eu-west-1/model/m/converse",
                "bedrock-runtime.eu-west-1.amazonaws.com/model/m/converse",
            ),
            (US, "bedrock/us-east-1/guardrails", "bedrock.us-east-1.amazonaws.com/guardrails"),
            (US, "bedrock-mantle/us-east-1/v1/messages", "bedrock-mantle.us-east-1.api.aws/v1/messages"),
            (
                "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
                "bedrock-runtime/cn-northwest-1/model/m/converse",
                "bedrock-runtime.cn-northwest-1.amazonaws.com.cn/model/m/converse",
            ),
            (
                "https://bedrock-runtime-fips.us-east-1.amazonaws.com",
                "bedrock-runtime/us-west-2/model/m/converse",
                "bedrock-runtime-fips.us-west-2.amazonaws.com/model/m/converse",
            ),
            (
                US,
                "bedrock-runtime/evil.example/x",
                "bedrock-runtime.us-east-1.amazonaws.com/bedrock-runtime/evil.example/x",
            ),
        ] {
            let (called, place) = place(base, rest);
            assert_eq!(called, wanted);
            assert_eq!(place.region.is_some(), !rest.contains("evil"), "{rest}");
        }
    }

    #[test]
    fn an_address_of_the_keys_own_is_kept() {
        let private = "vpce-0a1-b2.bedrock-runtime.us-east-1.vpce.amazonaws.com";
        for region in ["us-east-1", "eu-west-1"] {
            let (called, place) =
                place(&format!("https://{private}"), &format!("bedrock-runtime/{region}/model/m/invoke"));
            assert_eq!(
                (called, place.region),
                (format!("{private}/model/m/invoke"), None),
                "its own region is signed for"
            );
        }
        let (called, place) = place("http://127.0.0.1:9001/aws", "bedrock-runtime/eu-west-1/model/m/invoke");
        assert_eq!(
            (called.as_str(), place.region.as_deref()),
            ("127.0.0.1:9001/aws/model/m/invoke", Some("eu-west-1"))
        );
    }

    #[test]
    fn it_is_known_where_models_are_managed() {
        for (base, rest, manages) in [
            (US, "model/m/invoke", false),
            (US, "bedrock-runtime/eu-west-1/async-invoke", false),
            (US, "bedrock-mantle/us-east-1/v1/models", false),
            (US, "bedrock/eu-west-1/custom-models/m", true),
            ("http://127.0.0.1:9001", "bedrock/eu-west-1/custom-models/m", true),
            ("http://127.0.0.1:9001", "custom-models/m", false),
            ("https://bedrock.us-east-1.amazonaws.com", "custom-models/m", true),
            (
                "https://vpce-1.bedrock-fips.us-east-1.vpce.amazonaws.com",
                "bedrock-runtime/us-east-1/model/m/invoke",
                true,
            ),
            ("https://bedrock-agent.us-east-1.amazonaws.com", "agents/a", true),
        ] {
            assert_eq!(place(base, rest).1.manages, manages, "{base} {rest}");
        }
    }
}
