//! The server's settings, from the environment and an optional `weir.toml`. The environment wins; a value that is empty
//! counts as none.
//!
//! | variable | `weir.toml` | default |
//! |---|---|---|
//! | `WEIR_LISTEN` | `listen` | `127.0.0.1:8787` |
//! | `WEIR_DATA_DIR` | `data_dir` | `./data` |
//! | `DATABASE_URL` | `database_url` | SQLite in the data directory |
//! | `WEIR_MASTER_KEY` | `master_key` | a key file in the data directory, made on the first start |
//! | `WEIR_PUBLIC_URL` | `public_url` | the address listened on |
//! | `WEIR_TRUSTED_PROXIES` | `trusted_proxies` | none: addresses or networks whose `X-Forwarded-For` and country headers are believed |
//! | `WEIR_ALLOW_PRIVATE_UPSTREAMS` | `allow_private_upstreams` | `false` |
//! | `WEIR_ALLOW_PRIVATE_MEDIA` | `allow_private_media` | `false`: pictures that callers name by their addresses |
//! | `WEIR_DRAIN_GRACE` | `drain_grace` | `0` seconds in which a stopping server still takes requests |
//! | `WEIR_BODY_MEMORY` | `body_memory` | `512` MiB for the bodies of requests and answers under way |
//! | `WEIR_MAX_IN_FLIGHT` | `max_in_flight` | `20000` requests under way at once |
//! | `WEIR_MAX_IN_FLIGHT_PER_UPSTREAM` | `max_in_flight_per_upstream` | `10000` of them at an address of a provider, for each team |
//! | `WEIR_PRICE_KEYS` | `price_keys` | the project's key only: `NAME=KEY`, with commas between, of those whose price books count too |
//! | `WEIR_LEDGER_SYNC` | `ledger_sync` | `false`: whether rows of the ledger are on the disk before an answer ends, so that they outlive a power failure |
//! | `WEIR_CACHE_STORE` | `cache_store` | `1024` MiB of cached answers kept in the database |
//! | `WEIR_STATE_STORE` | `state_store` | `4096` MiB of responses, and of conversations, kept for later requests |
//! | `WEIR_STATE_TEAM` | `state_team` | `1024` MiB of them for each team |
//! | `WEIR_METRICS_TOKEN` | `metrics_token` | none: `GET /metrics` is off; with it, who sends it as bearer token reads them |
//! | `WEIR_SHUTDOWN_TIMEOUT` | `shutdown_timeout` | `30` seconds for running streams |
//! | `WEIR_LOG` | `log` | `info` |
//! | `WEIR_LOG_FORMAT` | `log_format` | `text`, or `json` |

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::Secret;
use ipnet::IpNet;
use url::Url;
use wire::price::Keyring;

use crate::metrics;
use crate::ports::StateLimits;

pub mod master_key;

/// Everything the server is told from outside.
#[derive(Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub database_url: DatabaseUrl,
    /// Nothing: use the key file in the data directory.
    pub master_key: Option<Secret>,
    /// Without a trailing slash.
    pub public_url: Option<String>,
    pub allow_private_upstreams: bool,
    pub allow_private_media: bool,
    /// Peers whose `X-Forwarded-For` names the client, and whose headers name its country.
    pub trusted_proxies: Vec<IpNet>,
    /// Bytes.
    pub body_memory: usize,
    /// Most requests under way at once, and most of a team's at an address.
    pub max_in_flight: usize,
    pub max_in_flight_per_upstream: usize,
    /// Whose price books count.
    pub price_keys: Keyring,
    /// Whether rows of the ledger must outlive a power failure.
    pub ledger_sync: bool,
    /// Bytes.
    pub cache_store: u64,
    /// What may be kept of the Responses API, in bytes.
    pub state_limits: StateLimits,
    /// How long new requests are still taken after the signal to stop, while `/readyz` says 503.
    pub drain_grace: Duration,
    /// How long running requests may take after that.
    pub shutdown_timeout: Duration,
    /// Who may read the metrics; nobody without it.
    pub metrics_token: Option<Secret>,
    pub log: String,
    pub log_json: bool,
}

/// A database address; `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The address with its credentials.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The file, where the database is one.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let path = self.0.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().unwrap_or_default();
        (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.split(':').next().unwrap_or_default())
    }
}

/// Every setting that is wrong, a line each.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct BadSettings(pub Vec<String>);

/// Faults and state changes; the migrator tells at every start that it has nothing to do.
const DEFAULT_LOG: &str = "info,sea_orm_migration=warn";

/// The settings: name in the environment, name in the file.
const NAMES: [(&str, &str); 21] = [
    ("WEIR_LISTEN", "listen"),
    ("WEIR_DATA_DIR", "data_dir"),
    ("DATABASE_URL", "database_url"),
    ("WEIR_MASTER_KEY", "master_key"),
    ("WEIR_PUBLIC_URL", "public_url"),
    ("WEIR_ALLOW_PRIVATE_UPSTREAMS", "allow_private_upstreams"),
    ("WEIR_ALLOW_PRIVATE_MEDIA", "allow_private_media"),
    ("WEIR_TRUSTED_PROXIES", "trusted_proxies"),
    ("WEIR_BODY_MEMORY", "body_memory"),
    ("WEIR_MAX_IN_FLIGHT", "max_in_flight"),
    ("WEIR_MAX_IN_FLIGHT_PER_UPSTREAM", "max_in_flight_per_upstream"),
    ("WEIR_PRICE_KEYS", "price_keys"),
    ("WEIR_LEDGER_SYNC", "ledger_sync"),
    ("WEIR_CACHE_STORE", "cache_store"),
    ("WEIR_STATE_STORE", "state_store"),
    ("WEIR_STATE_TEAM", "state_team"),
    ("WEIR_DRAIN_GRACE", "drain_grace"),
    ("WEIR_SHUTDOWN_TIMEOUT", "shutdown_timeout"),
    ("WEIR_METRICS_TOKEN", "metrics_token"),
    ("WEIR_LOG", "log"),
    ("WEIR_LOG_FORMAT", "log_format"),
];

impl Settings {
    /// Reads the environment and the file (`weir.toml` in the working directory where none is named).
    ///
    /// # Errors
    /// Every wrong setting at once, each in a line that names it and the fix.
    pub fn load(file: Option<&Path>) -> Result<Self, BadSettings> {
        let path = file.unwrap_or(Path::new("weir.toml"));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => String::new(),
            Err(error) => return Err(BadSettings(vec![format!("{}: {error}", path.display())])),
        };
        Self::read(&|name| std::env::var_os(name), &text, path)
    }

    /// Defaults with everything in one directory and any free port.
    #[cfg(test)]
    pub(crate) fn in_directory(directory: &Path) -> Self {
        let data_dir = directory.join("data").display().to_string();
        let env = |name: &str| match name {
            "WEIR_DATA_DIR" => Some(data_dir.clone().into()),
            "WEIR_LISTEN" => Some("127.0.0.1:0".into()),
            _ => None,
        };
        Self::read(&env, "", Path::new("weir.toml")).expect("settings that are right")
    }

    fn read(env: &dyn Fn(&str) -> Option<OsString>, text: &str, path: &Path) -> Result<Self, BadSettings> {
        let mut reader = Reader { values: BTreeMap::new(), errors: Vec::new() };
        reader.take_file(text, path);
        for (name, _) in NAMES {
            match env(name).map(OsString::into_string) {
                Some(Ok(value)) => reader.put(name, value, name.to_owned()),
                Some(Err(_)) => reader.errors.push(format!("{name}: must be text in UTF-8")),
                None => {}
            }
        }
        let listen = reader.parse("WEIR_LISTEN", "an address with a port, such as 127.0.0.1:8787", |v| v.parse().ok());
        let data_dir = reader.text("WEIR_DATA_DIR").map_or_else(|| PathBuf::from("./data"), PathBuf::from);
        let settings = Self {
            listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8787))),
            database_url: reader
                .parse("DATABASE_URL", "a sqlite:// or postgres:// address", database_url)
                .unwrap_or_else(|| DatabaseUrl(format!("sqlite://{}?mode=rwc", data_dir.join("weir.db").display()))),
            data_dir,
            master_key: reader.text("WEIR_MASTER_KEY").map(Secret::new),
            public_url: reader.parse(
                "WEIR_PUBLIC_URL",
                "the http:// or https:// address people open, without a path, such as https://weir.example.com",
                public_url,
            ),
            allow_private_upstreams: reader.switch("WEIR_ALLOW_PRIVATE_UPSTREAMS"),
            allow_private_media: reader.switch("WEIR_ALLOW_PRIVATE_MEDIA"),
            trusted_proxies: reader
                .parse("WEIR_TRUSTED_PROXIES", "addresses or networks such as 127.0.0.1,10.0.0.0/8", networks)
                .unwrap_or_default(),
            body_memory: reader
                .parse("WEIR_BODY_MEMORY", "a number of MiB from 128 to 1048576", |v| mebibytes(v, 128))
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(512 << 20),
            max_in_flight: reader.count("WEIR_MAX_IN_FLIGHT").unwrap_or(20_000),
            max_in_flight_per_upstream: reader.count("WEIR_MAX_IN_FLIGHT_PER_UPSTREAM").unwrap_or(10_000),
            price_keys: reader
                .parse(
                    "WEIR_PRICE_KEYS",
                    "NAME=KEY, with commas between: the second lines of public keys' files under names of their own, not `weir`",
                    |v| Keyring::parse(v).ok(),
                )
                .unwrap_or_default(),
            ledger_sync: reader.switch("WEIR_LEDGER_SYNC"),
            cache_store: reader
                .parse("WEIR_CACHE_STORE", "a number of MiB from 0 to 1048576", |v| mebibytes(v, 0))
                .unwrap_or(1 << 30),
            state_limits: StateLimits {
                total: reader
                    .parse("WEIR_STATE_STORE", "a number of MiB from 16 to 1048576", |v| mebibytes(v, 16))
                    .unwrap_or(4 << 30),
                per_team: reader
                    .parse("WEIR_STATE_TEAM", "a number of MiB from 16 to 1048576", |v| mebibytes(v, 16))
                    .unwrap_or(1 << 30),
            },
            drain_grace: reader.seconds("WEIR_DRAIN_GRACE").unwrap_or_default(),
            shutdown_timeout: reader.seconds("WEIR_SHUTDOWN_TIMEOUT").unwrap_or(Duration::from_secs(30)),
            metrics_token: reader.parse("WEIR_METRICS_TOKEN", "at least 16 visible characters", |v| {
                let fine = v.len() >= metrics::MIN_TOKEN && v.bytes().all(|byte| byte.is_ascii_graphic());
                fine.then(|| Secret::new(v.to_owned()))
            }),
            log: reader
                .parse("WEIR_LOG", "a filter such as `info` or `weir=debug,gateway=trace`", |v| {
                    v.parse::<tracing_subscriber::EnvFilter>().ok().map(|_| v.to_owned())
                })
                .unwrap_or_else(|| DEFAULT_LOG.to_owned()),
            log_json: reader
                .parse("WEIR_LOG_FORMAT", "`text` or `json`", |v| match v {
                    "text" => Some(false),
                    "json" => Some(true),
                    _ => None,
                })
                .unwrap_or(false),
        };
        if let Some(key) = &settings.master_key
            && let Err(problem) = master_key::decode(key.expose())
        {
            reader.errors.push(format!("WEIR_MASTER_KEY: {problem}"));
        }
        if reader.errors.is_empty() { Ok(settings) } else { Err(BadSettings(reader.errors)) }
    }
}

/// Values found so far with the place they come from, and what was wrong.
struct Reader {
    values: BTreeMap<&'static str, (String, String)>,
    errors: Vec<String>,
}

impl Reader {
    fn take_file(&mut self, text: &str, path: &Path) {
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
                self.errors.push(format!("{}:{line}: {}", path.display(), error.message()));
                return;
            }
        };
        for (key, value) in table {
            let Some((name, _)) = NAMES.into_iter().find(|(_, known)| *known == key) else {
                let known: Vec<_> = NAMES.iter().map(|(_, known)| *known).collect();
                self.errors.push(format!(
                    "{}: unknown setting `{key}`; known are {}",
                    path.display(),
                    known.join(", ")
                ));
                continue;
            };
            let value = match value {
                toml::Value::String(text) => text,
                other => other.to_string(),
            };
            self.put(name, value, format!("{}: {key}", path.display()));
        }
    }

    /// Takes a value over the one that is there. An empty one hides nothing: compose files and service managers pass
    /// variables on that nobody has set.
    fn put(&mut self, name: &'static str, value: String, place: String) {
        if !value.is_empty() {
            self.values.insert(name, (value, place));
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).map(|(value, _)| value.clone())
    }

    fn parse<T>(&mut self, name: &str, wanted: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let (value, place) = self.values.get(name)?;
        let parsed = parse(value);
        if parsed.is_none() {
            // A database address may hold a password, so no value is repeated here.
            self.errors.push(format!("{place}: must be {wanted}"));
        }
        parsed
    }

    /// Off where it is not said.
    fn switch(&mut self, name: &str) -> bool {
        let read = |text: &str| match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        self.parse(name, "`true` or `false`", read).unwrap_or(false)
    }

    fn count(&mut self, name: &str) -> Option<usize> {
        let count = |text: &str| text.parse().ok().filter(|count| (1..=1_000_000).contains(count));
        self.parse(name, "a number from 1 to 1000000", count)
    }

    fn seconds(&mut self, name: &str) -> Option<Duration> {
        let seconds = |text: &str| text.parse().ok().filter(|seconds| *seconds <= 3_600);
        self.parse(name, "a number of seconds from 0 to 3600", seconds).map(Duration::from_secs)
    }
}

fn database_url(text: &str) -> Option<DatabaseUrl> {
    let known = ["sqlite:", "postgres://", "postgresql://"];
    known.iter().any(|scheme| text.starts_with(scheme)).then(|| DatabaseUrl(text.to_owned()))
}

/// Bytes of a number of MiB, of which there must be at least so many.
fn mebibytes(text: &str, least: u64) -> Option<u64> {
    text.parse().ok().filter(|number| (least..=1 << 20).contains(number)).map(|number: u64| number << 20)
}

fn networks(text: &str) -> Option<Vec<IpNet>> {
    let network = |part: &str| part.parse().ok().or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from));
    text.split(',').map(str::trim).map(network).collect()
}

/// The origin in the one spelling that browsers have for it: whether it begins with `https://` decides about cookies.
fn public_url(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let nobody = url.username().is_empty() && url.password().is_none();
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && nobody;
    (plain && matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(env: &[(&str, &str)], text: &str) -> Result<Settings, BadSettings> {
        let lookup = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        Settings::read(&lookup, text, Path::new("weir.toml"))
    }

    #[test]
    fn defaults_serve_this_machine_only() {
        let settings = read(&[], "").expect("defaults");
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8787");
        assert_eq!(settings.database_url.expose(), "sqlite://./data/weir.db?mode=rwc");
        assert_eq!(settings.database_url.file(), Some(PathBuf::from("./data/weir.db")));
        let memory = read(&[("DATABASE_URL", "sqlite::memory:")], "").expect("valid");
        assert_eq!(memory.database_url.file(), None);
        assert!(!settings.allow_private_upstreams && !settings.allow_private_media);
        assert_eq!((settings.body_memory, settings.cache_store), (512 << 20, 1 << 30));
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let file = "listen = \"127.0.0.1:1\"\nallow_private_upstreams = true\nshutdown_timeout = 5\ndrain_grace = 7\nbody_memory = 128\n";
        let settings = read(&[("WEIR_LISTEN", "127.0.0.1:2")], file).expect("valid");
        assert_eq!(settings.listen.port(), 2);
        assert!(settings.allow_private_upstreams);
        let proxies = read(&[("WEIR_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")], "").expect("valid").trusted_proxies;
        assert_eq!(proxies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1/32", "10.0.0.0/8"]);
        assert_eq!(settings.drain_grace, Duration::from_secs(7));
        assert_eq!((settings.shutdown_timeout, settings.body_memory), (Duration::from_secs(5), 128 << 20));
    }

    #[test]
    fn metrics_are_off_without_a_token_that_is_hard_to_guess() {
        let token = |text| read(&[("WEIR_METRICS_TOKEN", text)], "").map(|settings| settings.metrics_token);
        assert_eq!(token(""), Ok(None));
        assert_eq!(token("scrape-0123456789"), Ok(Some(Secret::new("scrape-0123456789".to_owned()))));
        for bad in ["short", "sixteen letters!", "schlüssel-0123456789"] {
            let told = token(bad).expect_err("refused").to_string();
            assert_eq!(told, "WEIR_METRICS_TOKEN: must be at least 16 visible characters");
        }
    }

    #[test]
    fn an_empty_variable_hides_nothing() {
        let settings =
            read(&[("WEIR_LISTEN", ""), ("WEIR_DATA_DIR", "")], "listen = \"127.0.0.1:7\"\ndata_dir = \"/srv\"\n");
        let settings = settings.expect("valid");
        assert_eq!((settings.listen.port(), settings.data_dir), (7, PathBuf::from("/srv")));
    }

    #[test]
    fn a_variable_that_is_no_text_is_named() {
        use std::os::unix::ffi::OsStringExt;
        let env = |name: &str| (name == "WEIR_DATA_DIR").then(|| OsString::from_vec(vec![b'/', 0xff]));
        let error = Settings::read(&env, "", Path::new("weir.toml")).expect_err("not UTF-8");
        assert_eq!(error.to_string(), "WEIR_DATA_DIR: must be text in UTF-8");
    }

    #[test]
    fn a_public_url_is_kept_as_an_origin() {
        let public =
            |text| read(&[("WEIR_PUBLIC_URL", text)], "").map(|settings| settings.public_url.unwrap_or_default());
        assert_eq!(public("HTTPS://Weir.Example.com:443/").as_deref(), Ok("https://weir.example.com"));
        assert_eq!(public("http://[::1]:8787").as_deref(), Ok("http://[::1]:8787"));
        for bad in [
            "https://weir.example.com/weir",
            "ftp://weir.example.com",
            "https://u:p@weir.example.com",
            "https://:p@weir.example.com",
        ] {
            assert!(public(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_wrong_setting_gets_a_line_of_its_own() {
        let env = [
            ("WEIR_LISTEN", "nowhere"),
            ("DATABASE_URL", "mysql://u:hunter2@h/d"),
            ("WEIR_PUBLIC_URL", "weir.example.com"),
            ("WEIR_MASTER_KEY", "short"),
            ("WEIR_BODY_MEMORY", "64"),
            ("WEIR_MAX_IN_FLIGHT", "0"),
            ("WEIR_CACHE_STORE", "1 GB"),
            ("WEIR_PRICE_KEYS", "weir=RWTKZilD9k7JnPccho1lECGZbYu/dIRwO3Geqxic9zd4rO81URav235L"),
        ];
        let error = read(&env, "lisen = 1").expect_err("wrong").to_string();
        assert_eq!(error.lines().count(), 9, "{error}");
        assert!(error.contains("unknown setting `lisen`"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("short"), "{error}");
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let error = read(&[], "listen = \"127.0.0.1:1\"\nlog = \n").expect_err("broken").to_string();
        assert!(error.starts_with("weir.toml:2:"), "{error}");
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        let env = [("DATABASE_URL", "postgres://u:hunter2@h/d"), ("WEIR_MASTER_KEY", key)];
        let shown = format!("{:?}", read(&env, "").expect("valid"));
        assert!(!shown.contains("hunter2") && !shown.contains(key), "{shown}");
    }
}
