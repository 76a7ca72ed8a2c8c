//! A PostgreSQL of a test's own, which may be stopped.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

/// A cluster in a temporary directory, gone with this value.
pub struct Postgres {
    directory: TempDir,
    port: u16,
    /// PostgreSQL does not run as root.
    user: Option<&'static str>,
}

impl Postgres {
    /// Makes and starts it.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut postgres = Self { directory, port, user: None };
        if rustix::process::getuid().is_root() {
            let known = std::fs::read_to_string("/etc/passwd").unwrap();
            postgres.user = ["postgres", "nobody"].into_iter().find(|user| known.contains(&format!("\n{user}:")));
            let user = postgres.user.expect("a user that is not root");
            run(Command::new("chown").arg(user).arg(postgres.directory.path())).await;
        }
        let data = postgres.data();
        run(postgres
            .program("initdb")
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "-D"])
            .arg(data))
        .await;
        postgres.start_again().await;
        postgres
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it where it is stopped.
    pub async fn start_again(&self) {
        let log = self.directory.path().join("log");
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off",
            self.port,
            self.directory.path().display()
        );
        run(self.control("start").arg("-w").arg("-l").arg(log).arg("-o").arg(options)).await;
    }

    /// Stops it as a crash would: nobody is told.
    pub async fn stop(&self) {
        run(self.control("stop").args(["-m", "immediate"])).await;
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("db")
    }

    fn control(&self, what: &str) -> Command {
        let mut command = self.program("pg_ctl");
        command.arg(what).arg("-D").arg(self.data());
        command
    }

    /// One of its programs, as its user.
    fn program(&self, name: &str) -> Command {
        let path = find(name).unwrap_or_else(|| panic!("{name} is not installed"));
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        command.current_dir(self.directory.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut command = self.control("stop");
        let _ = command.args(["-m", "immediate"]).as_std_mut().output();
    }
}

async fn run(command: &mut Command) {
    // A server that inherited a pipe would keep it open.
    let status =
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status().await.unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// Debian keeps the programs off the path.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        places.extend(versions.filter_map(Result::ok).map(|version| version.path().join("bin")));
    }
    places.iter().map(|place| place.join(name)).find(|program: &PathBuf| Path::exists(program))
}
