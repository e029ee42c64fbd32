// SPDX-License-Identifier: MIT
//! Spargio: two shards on io_uring, in the configuration of its own benchmarks.

use futures::executor::block_on;
use futures::StreamExt;
use peers::*;
use spargio::{Event, Runtime, RuntimeHandle, ShardCtx};
use std::future::Future;
use std::os::fd::AsRawFd;
use std::time::Duration;

const PING: u16 = 1;
const ACK: u16 = 2;
const ONE_WAY: u16 = 3;
const FLUSH: u16 = 4;
const OVER: u16 = 5;

fn runtime() -> Runtime {
    Runtime::builder()
        .shards(2)
        .ring_entries(4096)
        .build()
        .expect("a runtime")
}

/// As a task of shard 0.
fn on_shard<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    work: impl FnOnce(RuntimeHandle) -> F,
) -> T {
    let runtime = runtime();
    let task = runtime.spawn_on(0, work(runtime.handle())).expect("a task");
    block_on(task).expect("it ends")
}

macro_rules! timed {
    ($run:ident, $work:ident $(, $arg:expr)*) => {{
        let (count, warm_up) = ($run.count, $run.warm_up);
        let mut own = std::mem::replace($run, Run::empty());
        *$run = on_shard(move |handle| async move {
            $work(handle.clone(), warm_up $(, $arg)*).await;
            own.start();
            $work(handle, count $(, $arg)*).await;
            own.stop();
            own
        });
    }};
}

fn peer(shard: u16) -> spargio::RemoteShard {
    ShardCtx::current()
        .expect("on a shard")
        .remote(shard)
        .expect("a peer")
}

async fn next() -> (u16, u32) {
    let event = {
        let shard = ShardCtx::current().expect("on a shard");
        shard.next_event()
    };
    let Event::RingMsg { tag, val, .. } = event.await;
    (tag, val)
}

/// Shard 1 answers until it is told that it is over.
fn start_responder(handle: &RuntimeHandle) -> spargio::JoinHandle<()> {
    handle
        .spawn_pinned(1, async move {
            let peer = peer(0);
            let mut sum = 0u32;
            loop {
                match next().await {
                    (PING, val) => peer.send_raw(ACK, val).expect("sent").await.expect("taken"),
                    (ONE_WAY, val) => sum = sum.wrapping_add(val),
                    (FLUSH, _) => {
                        peer.send_raw(ACK, sum).expect("sent").await.expect("taken");
                        sum = 0;
                    }
                    _ => break,
                }
            }
        })
        .expect("a responder")
}

async fn ping_pong(handle: RuntimeHandle, times: u64, rounds: u64) {
    let responder = start_responder(&handle);
    let peer = peer(1);
    for i in 0..(times * rounds) as u32 {
        peer.send_raw(PING, i).expect("sent").await.expect("taken");
        assert_eq!(next().await, (ACK, i));
    }
    peer.send_raw(OVER, 0).expect("sent").await.expect("taken");
    responder.await.expect("it ends");
}

async fn one_way(handle: RuntimeHandle, times: u64) {
    let responder = start_responder(&handle);
    let peer = peer(1);
    for _ in 0..times {
        peer.send_many_raw_nowait((1..=2048).map(|i| (ONE_WAY, i)))
            .expect("sent");
        peer.flush().expect("flushed").await.expect("taken");
        peer.send_raw(FLUSH, 0).expect("sent").await.expect("taken");
        assert_eq!(next().await, (ACK, 2048 * 2049 / 2));
    }
    peer.send_raw(OVER, 0).expect("sent").await.expect("taken");
    responder.await.expect("it ends");
}

async fn fan_out(handle: RuntimeHandle, times: u64, skewed: bool) {
    for request in 0..times * REQUESTS {
        let request = request % REQUESTS;
        let branches: Vec<_> = (0..WIDTH)
            .map(|i| {
                let steps = steps(skewed, request, i);
                let branch = async move { compute(request << 32 ^ i, steps) };
                handle.spawn_stealable(branch).expect("a branch")
            })
            .collect();
        let mut sum = 0u64;
        for branch in branches {
            sum = sum.wrapping_add(branch.await.expect("a branch ends"));
        }
        std::hint::black_box(sum);
    }
}

async fn await_each(handle: RuntimeHandle, tasks: u64) {
    for _ in 0..tasks {
        handle
            .spawn_pinned(0, async {})
            .expect("a task")
            .await
            .expect("it ends");
    }
}

async fn await_all(handle: RuntimeHandle, tasks: u64) {
    let all: Vec<_> = (0..tasks)
        .map(|_| handle.spawn_pinned(0, async {}).expect("a task"))
        .collect();
    for task in all {
        task.await.expect("it ends");
    }
}

async fn echo(handle: RuntimeHandle, times: u64) {
    let stream = spargio::net::TcpStream::from_std(handle, echo_peer()).expect("a stream");
    let mut buf = vec![0; ECHO_BYTES];
    for _ in 0..times * ECHO_ROUNDS {
        buf = stream.write_all_owned(buf).await.expect("sent");
        buf = stream.read_exact_owned(buf).await.expect("received");
    }
}

async fn storm(_: RuntimeHandle, times: u64) {
    for _ in 0..times * 1024 {
        for _ in 0..8 {
            let mut sleep = std::pin::pin!(spargio::sleep(Duration::from_micros(200)));
            assert!(futures::poll!(&mut sleep).is_pending());
        }
        spargio::sleep(Duration::from_micros(1)).await;
    }
}

async fn read_in_turn(handle: RuntimeHandle, times: u64) {
    let native = handle.uring_native_unbound().expect("io_uring");
    let mut buf = vec![0; PIECE];
    for i in 0..times * READS_IN_TURN {
        let (n, same) = native
            .read_at_into(file().as_raw_fd(), place_of(i), buf)
            .await
            .expect("a piece");
        assert_eq!(n, PIECE);
        buf = same;
    }
}

async fn read_deep(handle: RuntimeHandle, times: u64) {
    let native = &handle.uring_native_unbound().expect("io_uring");
    futures::stream::iter(0..times * READS)
        .map(|i| async move {
            let buf = vec![0; PIECE];
            let read = native
                .read_at_into(file().as_raw_fd(), place_of(i % READS), buf)
                .await;
            assert_eq!(read.expect("a piece").0, PIECE);
        })
        .buffer_unordered(DEPTH as usize)
        .for_each(|()| async {})
        .await;
}

fn cold_start(run: &mut Run) {
    run.start();
    for _ in 0..run.count {
        on_shard(|handle| ping_pong(handle, 1, 64));
    }
    run.stop();
}

#[rustfmt::skip]
fn main() {
    main_with("spargio", &[
        Row { name: "ping_pong_rtt", unit: "us", scale: 1e3, count: 20, run: |run| timed!(run, ping_pong, 256) },
        Row { name: "one_way_drain", unit: "us", scale: 1e3, count: 100, run: |run| timed!(run, one_way) },
        Row { name: "cold_start", unit: "us", scale: 1e3, count: 10, run: cold_start },
        Row { name: "fanout_balanced", unit: "us", scale: 1e3, count: 8, run: |run| timed!(run, fan_out, false) },
        Row { name: "fanout_skewed", unit: "us", scale: 1e3, count: 8, run: |run| timed!(run, fan_out, true) },
        Row { name: "spawn_join_each", unit: "ns", scale: 1.0, count: 100_000, run: |run| timed!(run, await_each) },
        Row { name: "spawn_join_all", unit: "ns", scale: 1.0, count: 100_000, run: |run| timed!(run, await_all) },
        Row { name: "echo_rtt_256b", unit: "us", scale: 1e3, count: 4, run: |run| timed!(run, echo) },
        Row { name: "timer_storm", unit: "us", scale: 1e3, count: 1, run: |run| timed!(run, storm) },
        Row { name: "fs_read_rtt_4k", unit: "us", scale: 1e3, count: 20, run: |run| timed!(run, read_in_turn) },
        Row { name: "fs_read_4k_qd32", unit: "us", scale: 1e3, count: 3, run: |run| timed!(run, read_deep) },
    ]);
}
