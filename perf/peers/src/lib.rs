// SPDX-License-Identifier: MIT
//! What the peers share: the command line and the output of perf/perf.c, for one sample, and the
//! pieces of the workloads that have nothing to do with a runtime. A peer gets as many threads as
//! Peal has shards in the same row.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

pub mod streams;

/// One sample: `warm_up` operations, then `count` between `start` and `stop`.
pub struct Run {
    pub count: u64,
    pub warm_up: u64,
    begin: Option<(Instant, u64, i64)>,
    wall: f64, // or what the row times instead
    cpu: u64,
    sleeps: i64,
}

fn cpu_ns() -> u64 {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes the struct and nothing else.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut ts) };
    ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64
}

fn sleeps() -> i64 {
    // SAFETY: it writes the struct and nothing else; zeroes are a valid one.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage.ru_nvcsw
    }
}

impl Run {
    /// Something to leave behind while the real one is in a task.
    pub fn empty() -> Run {
        Run {
            count: 0,
            warm_up: 0,
            begin: None,
            wall: 0.0,
            cpu: 0,
            sleeps: 0,
        }
    }

    pub fn start(&mut self) {
        let slept = sleeps();
        self.begin = Some((Instant::now(), cpu_ns(), slept));
    }

    pub fn stop(&mut self) {
        let (begin, cpu, slept) = self.begin.take().expect("started");
        self.wall = begin.elapsed().as_nanos() as f64;
        self.cpu = cpu_ns() - cpu;
        self.sleeps = sleeps() - slept;
    }

    /// After stop(): the row is about CPU time, or about the time that somebody has waited.
    pub fn time_cpu(&mut self) {
        self.wall = self.cpu as f64;
    }
    pub fn time_waited(&mut self, waited: Duration) {
        self.wall = waited.as_nanos() as f64;
    }
}

/// `scale` is how many nanoseconds the unit has.
pub struct Row {
    pub name: &'static str,
    pub unit: &'static str,
    pub scale: f64,
    pub count: u64,
    pub run: fn(&mut Run),
}

/// --list, or --only ROW[/VARIANT] [--samples N] [--smoke] [--json]: what perf/compare asks for.
pub fn main_with(variant: &str, rows: &[Row]) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        args.iter()
            .position(|arg| arg == name)
            .and_then(|at| args.get(at + 1))
            .cloned()
    };
    let smoke = args.iter().any(|arg| arg == "--smoke");
    if args.iter().any(|arg| arg == "--list") {
        rows.iter()
            .for_each(|row| println!("{}/{}", row.name, variant));
        return;
    }
    let samples: u32 = value("--samples").map_or(1, |n| n.parse().expect("a number"));
    let only = value("--only");
    for row in rows.iter().filter(|row| {
        let full = format!("{}/{variant}", row.name);
        only.as_deref()
            .is_none_or(|name| name == row.name || name == full)
    }) {
        for _ in 0..samples {
            let count = if smoke { 1 } else { row.count };
            let warm_up = row.count.div_ceil(8).min(count);
            let mut run = Run {
                count,
                warm_up,
                ..Run::empty()
            };
            (row.run)(&mut run);
            let per = count as f64 * row.scale;
            println!(
                "{{\"name\":\"{}\",\"variant\":\"{}\",\"value\":{:.6},\"unit\":\"{}\",\"cpu\":{:.6},\"sleeps\":{:.4}}}",
                row.name, variant, run.wall / per, row.unit, run.cpu as f64 / per,
                run.sleeps as f64 / count as f64
            );
        }
    }
}

pub const REQUESTS: u64 = 64;
pub const WIDTH: u64 = 16;

/// The work of a branch, as in perf/fanout.c.
pub fn compute(seed: u64, steps: u32) -> u64 {
    let mut x = seed ^ 0x9e37_79b9_7f4a_7c15;
    for i in 0..steps {
        x = x
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407 ^ u64::from(i));
        x ^= x >> 29;
    }
    x
}

pub fn steps(skewed: bool, request: u64, branch: u64) -> u32 {
    match (skewed, branch == request % WIDTH) {
        (false, _) => 2000,
        (true, true) => 20000,
        (true, false) => 500,
    }
}

pub const ECHO_ROUNDS: u64 = 512;
pub const ECHO_BYTES: usize = 256;

fn echo_back(mut stream: TcpStream, room: usize) {
    let mut buf = vec![0u8; room];
    stream.set_nodelay(true).expect("TCP_NODELAY");
    while let Ok(n @ 1..) = stream.read(&mut buf) {
        if stream.write_all(&buf[..n]).is_err() {
            break;
        }
    }
}

/// Takes `connections` connections; each is echoed in a thread that blocks, `room` bytes at most at a time.
pub fn echo_server(connections: usize, room: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for _ in 0..connections {
            let (stream, _) = listener.accept().expect("a connection");
            std::thread::spawn(move || echo_back(stream, room));
        }
    });
    address
}

/// The client's end of a connection whose other end echoes.
pub fn echo_peer(room: usize) -> TcpStream {
    let stream = TcpStream::connect(echo_server(1, room)).expect("a connection");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    stream
}

/// For runtimes that have no call for it.
pub fn nodelay(fd: std::os::fd::RawFd) {
    let one: libc::c_int = 1;
    let size = std::mem::size_of_val(&one) as libc::socklen_t;
    // SAFETY: the option is an int, and lives until the call returns.
    let err = unsafe {
        libc::setsockopt(
            fd,
            libc::IPPROTO_TCP,
            libc::TCP_NODELAY,
            (&raw const one).cast(),
            size,
        )
    };
    assert_eq!(err, 0);
}

pub const EVENTS: u64 = 128;
pub const EVENT_BYTES: usize = 64;

/// wakeup_sparse, on a thread of its own: `fire` returns when the event was answered.
pub fn wait_for_events(times: u64, mut fire: impl FnMut()) -> Duration {
    let mut waited = Duration::ZERO;
    for _ in 0..times * EVENTS {
        std::thread::sleep(Duration::from_micros(50));
        let begin = Instant::now();
        fire();
        waited += begin.elapsed();
    }
    waited
}

/// --serve FD [--yielder], as perf/echo_conns.c starts a server: the listening socket that it inherits, and
/// whether a task beside shall do nothing but yield.
pub fn serving() -> Option<(TcpListener, bool)> {
    let args: Vec<String> = std::env::args().collect();
    let at = args.iter().position(|arg| arg == "--serve")?;
    let fd = args.get(at + 1)?.parse().ok()?;
    // SAFETY: it was inherited, and is nobody else's.
    let listener = unsafe { TcpListener::from_raw_fd(fd) };
    Some((listener, args.iter().any(|arg| arg == "--yielder")))
}

pub const FILES: usize = 1024;

/// Files without content, in memory, which go when this goes.
pub struct Files {
    pub paths: Vec<std::path::PathBuf>,
}

impl Files {
    pub fn new() -> Files {
        let folder =
            std::path::PathBuf::from(format!("/dev/shm/peal-peers-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let paths: Vec<_> = (0..FILES)
            .map(|i| folder.join(format!("file-{i}")))
            .collect();
        for path in &paths {
            std::fs::write(path, []).expect("a file");
        }
        Files { paths }
    }
}

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Some(folder) = self.paths[0].parent() {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

pub const PIECE: usize = 4096;
pub const FILE_SIZE: u64 = 16 << 20;
pub const READS_IN_TURN: u64 = 256;
pub const READS: u64 = 4096;
pub const DEPTH: u64 = 32;

/// A file in memory, as in perf/files.c; made at its first use, in the warm-up.
pub fn file() -> &'static std::fs::File {
    static FILE: std::sync::OnceLock<std::fs::File> = std::sync::OnceLock::new();
    FILE.get_or_init(|| {
        // SAFETY: the name is a string, and the descriptor is nobody else's.
        let mut file = unsafe {
            let fd = libc::memfd_create(c"pieces".as_ptr(), libc::MFD_CLOEXEC);
            assert!(fd >= 0);
            std::fs::File::from(OwnedFd::from_raw_fd(fd))
        };
        for _ in 0..FILE_SIZE / PIECE as u64 {
            file.write_all(&[0; PIECE]).expect("the file is written");
        }
        file
    })
}

pub fn place_of(i: u64) -> u64 {
    i.wrapping_mul(2_654_435_761) % (FILE_SIZE / PIECE as u64) * PIECE as u64
}
