// SPDX-License-Identifier: MIT
//! Compio: one thread, as its runtime is; rows that share work between threads are not its kind.

use compio::buf::BufResult;
use compio::io::{AsyncReadAt, AsyncReadExt, AsyncWriteExt};
use compio::runtime::Runtime;
use futures::StreamExt;
use peers::*;
use std::time::Duration;

macro_rules! timed {
    ($run:ident, $work:ident) => {{
        Runtime::new().expect("a runtime").block_on(async {
            $work($run.warm_up).await;
            $run.start();
            $work($run.count).await;
            $run.stop();
        })
    }};
}

async fn await_each(tasks: u64) {
    for _ in 0..tasks {
        compio::runtime::spawn(async {}).await.expect("a task ends");
    }
}

async fn await_all(tasks: u64) {
    let all: Vec<_> = (0..tasks)
        .map(|_| compio::runtime::spawn(async {}))
        .collect();
    for task in all {
        task.await.expect("a task ends");
    }
}

async fn echo(times: u64) {
    let mut stream = compio::net::TcpStream::from_std(echo_peer()).expect("a stream");
    let mut buf = vec![0; ECHO_BYTES];
    for _ in 0..times * ECHO_ROUNDS {
        let BufResult(sent, same) = stream.write_all(buf).await;
        sent.expect("sent");
        let BufResult(received, same) = stream.read_exact(same).await;
        received.expect("received");
        buf = same;
    }
}

async fn storm(times: u64) {
    for _ in 0..times * 1024 {
        for _ in 0..8 {
            let mut sleep = std::pin::pin!(compio::time::sleep(Duration::from_micros(200)));
            assert!(futures::poll!(&mut sleep).is_pending());
        }
        compio::time::sleep(Duration::from_micros(1)).await;
    }
}

/// Its own descriptor of the file.
async fn open() -> compio::fs::File {
    use std::os::fd::AsRawFd;
    let path = format!("/proc/self/fd/{}", file().as_raw_fd());
    compio::fs::File::open(path).await.expect("the file opens")
}

async fn read_in_turn(times: u64) {
    let file = open().await;
    let mut buf = Vec::with_capacity(PIECE);
    for i in 0..times * READS_IN_TURN {
        buf.clear();
        let BufResult(n, same) = file.read_at(buf, place_of(i)).await;
        assert_eq!(n.expect("a piece"), PIECE);
        buf = same;
    }
}

async fn read_deep(times: u64) {
    let file = &open().await;
    futures::stream::iter(0..times * READS)
        .map(|i| async move {
            let BufResult(n, _) = file
                .read_at(Vec::with_capacity(PIECE), place_of(i % READS))
                .await;
            assert_eq!(n.expect("a piece"), PIECE);
        })
        .buffer_unordered(DEPTH as usize)
        .for_each(|()| async {})
        .await;
}

#[rustfmt::skip]
fn main() {
    main_with("compio", &[
        Row { name: "spawn_join_each", unit: "ns", scale: 1.0, count: 50_000, run: |run| timed!(run, await_each) },
        Row { name: "spawn_join_all", unit: "ns", scale: 1.0, count: 100_000, run: |run| timed!(run, await_all) },
        Row { name: "echo_rtt_256b", unit: "us", scale: 1e3, count: 4, run: |run| timed!(run, echo) },
        Row { name: "timer_storm", unit: "us", scale: 1e3, count: 1, run: |run| timed!(run, storm) },
        Row { name: "fs_read_rtt_4k", unit: "us", scale: 1e3, count: 20, run: |run| timed!(run, read_in_turn) },
        Row { name: "fs_read_4k_qd32", unit: "us", scale: 1e3, count: 3, run: |run| timed!(run, read_deep) },
    ]);
}
