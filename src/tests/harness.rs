//! Starts the program in a data directory of its own, with a mock provider behind it.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use ::app::api::session::SignIn;
use leptos::server_fn::ServerFn;
use mock::Running;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use store::Store;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinHandle;

/// The token that [`Installation::apply_team`] declares.
pub const TOKEN: &str = "weir-test-token-0123456789";

/// Password of the member that [`Installation::apply_member`] declares.
pub const PASSWORD: &str = "ann-has-a-long-password";

/// Longer than anything takes where all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A data directory and a provider.
pub struct Installation {
    pub directory: TempDir,
    pub provider: Running,
    /// Another database than a file in the directory.
    pub database_url: Option<String>,
}

impl Installation {
    pub async fn new() -> Self {
        Self::with_provider(mock::Options::default()).await
    }

    /// The same with a provider that is told how to answer.
    pub async fn with_provider(options: mock::Options) -> Self {
        let provider = mock::start(options).await.unwrap();
        Self { directory: tempfile::tempdir().unwrap(), provider, database_url: None }
    }

    /// The program with this installation's environment and no other.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.directory.path(), arguments);
        command.envs(self.database_url.iter().map(|url| ("DATABASE_URL", url)));
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.unwrap()
    }

    /// Team `acme` with gateway `main`, a key of each dialect and the token [`TOKEN`].
    pub fn team(&self, settings: &str) -> String {
        let url = self.provider.url();
        format!(
            "teams:
  - slug: acme
    gateways:
      - slug: main
        settings: {settings}
    provider_keys:
      - {{ provider: openai, alias: default, key: env:PROVIDER_KEY, base_url: {url} }}
      - {{ provider: anthropic, alias: default, key: env:PROVIDER_KEY, base_url: {url} }}
      - {{ provider: google-ai-studio, alias: default, key: env:PROVIDER_KEY, base_url: {url} }}
    tokens:
      - {{ name: app, token: env:APP_TOKEN, gateways: [main] }}
"
        )
    }

    /// Applies a file with that text.
    pub async fn apply(&self, text: &str, flags: &[&str]) -> Output {
        let file = self.directory.path().join("team.yaml");
        std::fs::write(&file, text).unwrap();
        let mut arguments = vec!["apply", file.to_str().unwrap()];
        arguments.extend(flags);
        self.run(&arguments).await
    }

    /// Declares the team and fails the test if that fails.
    pub async fn apply_team(&self, settings: &str) {
        let output = self.apply(&self.team(settings), &[]).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// The same team with Ann as its owner.
    pub async fn apply_member(&self, settings: &str) {
        let member =
            "    members:\n      - { email: ann@example.com, name: Ann, role: owner, password: env:ANN_PASSWORD }\n";
        let output = self.apply(&(self.team(settings) + member), &[]).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// Starts the server and waits until it listens.
    pub async fn serve(&self, env: &[(&str, &str)]) -> Server {
        let mut command = self.command(&["serve"]);
        command.envs(env.iter().copied());
        start(command).await
    }

    /// The same, with a log that [`Server::logged`] reads.
    pub async fn serve_logged(&self, env: &[(&str, &str)]) -> Server {
        let mut command = self.command(&["serve"]);
        command.env("WEIR_LOG", "info").envs(env.iter().copied()).stderr(Stdio::piped());
        start(command).await
    }
}

impl Installation {
    /// As [`Installation::serve_logged`], for [`Server::limit_files`]: a write beyond the limit fails instead of killing.
    pub async fn serve_limited(&self, log: Stdio) -> Server {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" serve", env!("CARGO_BIN_EXE_weir")]);
        set_up(&mut command, self.directory.path());
        command.env("WEIR_LOG", "info").stderr(log);
        start(command).await
    }

    /// As [`Installation::serve`], on one processor.
    #[cfg(target_os = "linux")]
    pub async fn serve_on_one_processor(&self) -> Server {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let allowed = text_between(&status, "Cpus_allowed_list:\t", "\n");
        let first = allowed.split(['-', ',']).next().unwrap();
        let mut command = Command::new("taskset");
        command.args(["-c", first, env!("CARGO_BIN_EXE_weir"), "serve"]);
        set_up(&mut command, self.directory.path());
        start(command).await
    }

    /// The installation's database, beside whoever has it open.
    pub async fn store(&self) -> Store {
        let path = self.directory.path().join("data/weir.db");
        let file = format!("sqlite://{}", path.display());
        Store::connect(self.database_url.as_deref().unwrap_or(&file)).await.unwrap()
    }

    /// What `weir ledger verify` reports, which must find nothing.
    pub async fn verify(&self) -> serde_json::Value {
        let output = self.run(&["ledger", "verify", "--json"]).await;
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Segments of the spool.
    pub fn segments(&self) -> usize {
        let entries = std::fs::read_dir(self.directory.path().join("data/spool")).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|name| name == "segment")).count()
    }
}

async fn start(mut command: Command) -> Server {
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let log = child.stderr.take().map(|log| BufReader::new(log).lines());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().expect("the server says where it listens");
    let url = first.strip_prefix("Weir is listening on ").unwrap_or_else(|| panic!("{first}")).to_owned();
    Server { child, url, lines, log }
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(arguments);
    set_up(&mut command, directory);
    command
}

fn set_up(command: &mut Command, directory: &Path) {
    command
        .current_dir(directory)
        .env_clear()
        .env("WEIR_LISTEN", "127.0.0.1:0")
        .env("WEIR_DATA_DIR", directory.join("data"))
        .env("WEIR_ALLOW_PRIVATE_UPSTREAMS", "true")
        .env("WEIR_LOG", "warn")
        .env("PROVIDER_KEY", "sk-provider-secret")
        .env("APP_TOKEN", TOKEN)
        .env("ANN_PASSWORD", PASSWORD);
}

/// A running server.
pub struct Server {
    pub child: Child,
    pub url: String,
    pub lines: Lines<BufReader<ChildStdout>>,
    /// Where it was started with [`Installation::serve_logged`].
    pub log: Option<Lines<BufReader<ChildStderr>>>,
}

impl Server {
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Sends a chat request with the token. `mock-…` words in the prompt tell the provider how to answer.
    pub async fn chat(&self, prompt: &str, stream: bool) -> reqwest::Response {
        let body = format!(
            r#"{{"model":"openai/gpt-4o-mini","stream":{stream},"messages":[{{"role":"user","content":"{prompt}"}}]}}"#
        );
        let request = client().post(self.url("/v1/chat/completions")).bearer_auth(TOKEN);
        request.header("content-type", "application/json").body(body).send().await.unwrap()
    }

    /// Asks to sign Ann in, as the form does; answers the cookie if she is. Takes passwords that need no escapes.
    pub async fn sign_in(&self, password: &str) -> Option<String> {
        let form = format!("email=ann%40example.com&password={password}");
        let response = self.post(SignIn::PATH, None, &form).await;
        let cookie = response.headers().get("set-cookie")?.to_str().unwrap();
        cookie.split(';').next().map(str::to_owned)
    }

    /// Asks for a page, with a session or without one.
    pub async fn get(&self, path: &str, cookie: Option<&str>) -> reqwest::Response {
        client().get(self.url(path)).header("cookie", cookie.unwrap_or_default()).send().await.unwrap()
    }

    /// Sends a form as a browser without scripts does.
    pub async fn post(&self, path: &str, cookie: Option<&str>, form: &str) -> reqwest::Response {
        let request =
            client().post(self.url(path)).header("sec-fetch-site", "same-origin").header("accept", "text/html");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.header("cookie", cookie.unwrap_or_default()).body(form.to_owned()).send().await.unwrap()
    }

    /// What `/readyz` says.
    pub async fn readiness(&self) -> serde_json::Value {
        client().get(self.url("/readyz")).send().await.unwrap().json().await.unwrap()
    }

    /// Waits until `/readyz` says something.
    pub async fn until(&self, what: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let asked = async {
            loop {
                let readiness = self.readiness().await;
                if what(&readiness) {
                    return readiness;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(readiness) => readiness,
            Err(_) => panic!("still {}", self.readiness().await),
        }
    }

    /// Waits until every row is in the database and limits know what was spent.
    pub async fn until_caught_up(&self) -> serde_json::Value {
        self.until(|readiness| readiness["ready"] == true && readiness["ledger_backlog_bytes"] == 0).await
    }

    /// Waits until the log says that.
    pub async fn logged(&mut self, what: &str) {
        let log = self.log.as_mut().expect("a server that was started with its log");
        while !log.next_line().await.unwrap().expect("the log goes on").contains(what) {}
    }

    /// The log's lines until the process ends.
    pub async fn log_to_its_end(&mut self) -> Vec<String> {
        self.log_in_background().await.unwrap()
    }

    /// The same, read while the server runs: a full pipe would stop it.
    pub fn log_in_background(&mut self) -> JoinHandle<Vec<String>> {
        let mut log = self.log.take().expect("a server that was started with its log");
        tokio::spawn(async move {
            let mut lines = Vec::new();
            while let Some(line) = log.next_line().await.unwrap() {
                lines.push(line);
            }
            lines
        })
    }

    /// A connection without a client's habits.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.url.strip_prefix("http://").unwrap()).await.unwrap()
    }

    /// Lets no file grow beyond so many bytes, as a full disk would; nothing lifts the limit.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let pid = i32::try_from(self.child.id().expect("it runs")).ok().and_then(Pid::from_raw);
        prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
    }

    /// Asks the process to stop.
    pub async fn terminate(&self) {
        self.signal("-TERM").await;
    }

    /// Sends a signal, named as for `kill`.
    pub async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }
}

/// A client that keeps no connection and follows nothing.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().pool_max_idle_per_host(0).redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Where an answer sends the browser.
pub fn location(response: &reqwest::Response) -> String {
    let target = response.headers().get("location").unwrap_or_else(|| panic!("{response:?}"));
    target.to_str().unwrap().to_owned()
}

/// What stands in a page between two texts.
pub fn text_between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}"));
    rest.split(after).next().unwrap_or_default()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
