//! A throw-away cluster of PostgreSQL, from Debian's packages.
//!
//! One test of a process starts it ([`Cluster::start`]) and lends it to the rest through
//! [`VARIABLE`], by running them in a process of their own; each of them works in a schema of its
//! own ([`fresh`]). Without PostgreSQL the starter says "skipped: ...".

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// Names the cluster to the tests that work on it: `postgres://...`.
pub const VARIABLE: &str = "METERKIT_TEST_POSTGRES";

/// Tests of the desk that have nothing to do with the cluster, by the beginnings of their names: to
/// run them on it were to run them twice. One that asks for a place in it is none of them.
pub const APART: [&str; 11] = [
    "office::api::backup::a_backup_and_a_restore",
    "office::api::backup::a_backup_is_restored",
    "office::api::backup::a_changed_backup",
    "office::api::backup::without_keys",
    "office::api::stop::",
    "office::cli::",
    "office::custody::",
    "office::swaps::keys::",
    "sync::enrolment::",
    "sync::tls::",
    "sync::trust::",
];

/// The programs of the newest version that is installed.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    bins.filter(|bin| bin.join("initdb").exists()).max()
}

/// A program of the cluster. `initdb` and the server refuse to be root; and they must not outlive
/// the test that started them, however it ends.
fn program(path: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig=QUIT");
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]);
    }
    command.arg(path).current_dir("/").stdin(Stdio::null()).process_group(0);
    command
}

/// A running cluster; gone when dropped.
pub struct Cluster {
    server: Child,
    port: u16,
    dir: TempDir,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let pid = i32::try_from(self.server.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // At once; nothing in it is worth keeping.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
        let _ = self.server.wait();
    }
}

impl Cluster {
    /// Makes and starts one, with `settings` as in `postgresql.conf`; `None`, and a word, where
    /// that cannot be done.
    pub fn start(settings: &[&str]) -> Option<Self> {
        match Self::try_start(settings) {
            Ok(cluster) => Some(cluster),
            Err(why) => {
                println!("skipped: no PostgreSQL: {why}");
                None
            }
        }
    }

    fn try_start(settings: &[&str]) -> Result<Self, String> {
        let bin = programs().ok_or("none in /usr/lib/postgresql")?;
        let dir = tempfile::Builder::new().prefix("meterkit-pg-").tempdir();
        let dir = dir.map_err(|error| error.to_string())?;
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(dir.path(), open).map_err(|error| error.to_string())?;
        let data = dir.path().join("data");
        let mut initdb = program(&bin.join("initdb"));
        initdb.arg("-D").arg(&data).args(["-A", "trust", "-U", "postgres", "-E", "UTF8"]);
        let made = initdb.args(["--locale=C.UTF-8", "--lc-collate=C", "--no-sync"]).output();
        let made = made.map_err(|error| format!("initdb: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(|error| error.to_string())?.port();
        let mut server = program(&bin.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(dir.path()).arg("-p").arg(port.to_string());
        for setting in ["listen_addresses=127.0.0.1", "max_connections=300"].iter().chain(settings)
        {
            server.arg("-c").arg(setting);
        }
        let server = server.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut server = server.map_err(|error| format!("postgres: {error}"))?;
        let mut lines = BufReader::new(server.stderr.take().expect("a pipe")).lines();
        let ready = lines.find(|line| {
            line.as_ref().map_or(true, |line| line.contains("ready to accept connections"))
        });
        // It goes on talking; somebody must listen.
        std::thread::spawn(move || lines.for_each(drop));
        let cluster = Self { server, port, dir };
        match ready {
            Some(Ok(_)) => Ok(cluster),
            _ => Err("the server ended before it was ready".to_owned()),
        }
    }

    /// Where it is: the database everything of a test is in.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// The same through its socket: what a server on the same machine takes.
    #[allow(dead_code)] // the bench's
    pub fn socket_url(&self) -> String {
        let dir = self.dir.path().to_string_lossy().replace('/', "%2F");
        format!("postgres://postgres@{dir}:{}/postgres", self.port)
    }
}

/// An empty place in the cluster that was lent, if one was. A test that asks is not [`APART`],
/// whether or not there is a cluster.
pub fn fresh() -> Option<String> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    // The name of a test's thread is the test's.
    let here = std::thread::current();
    let name = here.name().unwrap_or_default();
    let apart = APART.iter().find(|apart| name.starts_with(**apart));
    assert!(apart.is_none(), "{name} works on the cluster: take {apart:?} off the list");
    let url = std::env::var(VARIABLE).ok()?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Some(schema(&url, &format!("t{}_{number}", std::process::id())))
}

/// How many cases of a property are tried: a quarter of them where each makes an office on the
/// cluster. Orders by the hundred on it are `sync::mix`'s, which makes four.
pub fn cases(usual: u32) -> u32 {
    if std::env::var_os(VARIABLE).is_some() { usual.div_ceil(4) } else { usual }
}

/// Makes a schema; gives the URL whose tables are in it.
pub fn schema(url: &str, name: &str) -> String {
    run(url, &format!("CREATE SCHEMA {name}"));
    format!("{url}?options=-csearch_path%3D{name}")
}

/// Runs statements in a cluster.
pub fn run(url: &str, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut conn = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
    });
}
