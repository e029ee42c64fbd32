// SPDX-License-Identifier: MIT
//! Tokio: the multi-thread runtime with two workers; the workload is a task on one of them. Messages
//! are its unbounded channels; batches are vectors of 64, or of all.

use peers::*;
use std::future::Future;
use std::os::unix::fs::FileExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver, UnboundedSender};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// As a task on a worker: block_on() itself would run it on a third thread.
fn on_worker<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = runtime();
    runtime
        .block_on(runtime.spawn(future))
        .expect("the task ends")
}

/// For rows in which two threads talk: one worker, and the client on the thread that has called. (As two
/// tasks of workers they would end up on the same one.)
fn across<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

macro_rules! timed_across {
    ($run:ident, $work:ident $(, $arg:expr)*) => {
        across(async {
            $work($run.warm_up $(, $arg)*).await;
            $run.start();
            $work($run.count $(, $arg)*).await;
            $run.stop();
        })
    };
}

macro_rules! timed {
    ($run:ident, $work:ident $(, $arg:expr)*) => {{
        let (count, warm_up) = ($run.count, $run.warm_up);
        let mut own = std::mem::replace($run, Run::empty());
        own = on_worker(async move {
            $work(warm_up $(, $arg)*).await;
            own.start();
            $work(count $(, $arg)*).await;
            own.stop();
            own
        });
        *$run = own;
    }};
}

type Wire = (UnboundedSender<Vec<u64>>, UnboundedReceiver<u64>);

/// A task that answers each 0 in a message with the sum of what came before it.
fn responder() -> Wire {
    let (send, mut receive) = unbounded_channel::<Vec<u64>>();
    let (answer, answers) = unbounded_channel();
    tokio::spawn(async move {
        let mut sum = 0;
        while let Some(batch) = receive.recv().await {
            for value in batch {
                sum += value;
                if value == 0 {
                    let _ = answer.send(sum);
                    sum = 0;
                }
            }
        }
    });
    (send, answers)
}

async fn ping_pong(times: u64, rounds: u64) {
    let (send, mut receive) = unbounded_channel::<u64>();
    let (answer, mut answers) = unbounded_channel::<u64>();
    tokio::spawn(async move {
        while let Some(value) = receive.recv().await {
            let _ = answer.send(value);
        }
    });
    for i in 0..times * rounds {
        send.send(i).expect("sent");
        assert_eq!(answers.recv().await, Some(i));
    }
}

async fn one_way(times: u64, batch: u64) {
    let (send, mut answers) = responder();
    for _ in 0..times {
        for first in (1..=2048).step_by(batch as usize) {
            send.send((first..first + batch).collect()).expect("sent");
        }
        send.send(vec![0]).expect("sent");
        assert_eq!(answers.recv().await, Some(2048 * 2049 / 2));
    }
}

/// Not batched: a channel of values, without a vector for each.
async fn one_way_single(times: u64) {
    let (send, mut receive) = unbounded_channel::<u64>();
    let (answer, mut answers) = unbounded_channel::<u64>();
    tokio::spawn(async move {
        let mut sum = 0;
        while let Some(value) = receive.recv().await {
            sum += value;
            if value == 0 {
                let _ = answer.send(sum);
                sum = 0;
            }
        }
    });
    for _ in 0..times {
        for value in 1..=2048 {
            send.send(value).expect("sent");
        }
        send.send(0).expect("sent");
        assert_eq!(answers.recv().await, Some(2048 * 2049 / 2));
    }
}

async fn fan_out(times: u64, skewed: bool) {
    for request in 0..times * REQUESTS {
        let request = request % REQUESTS;
        let branches: Vec<_> = (0..WIDTH)
            .map(|i| {
                let steps = steps(skewed, request, i);
                tokio::spawn(async move { compute(request << 32 ^ i, steps) })
            })
            .collect();
        let mut sum = 0u64;
        for branch in branches {
            sum = sum.wrapping_add(branch.await.expect("a branch ends"));
        }
        std::hint::black_box(sum);
    }
}

async fn await_each(tasks: u64) {
    for _ in 0..tasks {
        tokio::spawn(async {}).await.expect("a task ends");
    }
}

async fn await_all(tasks: u64) {
    let all: Vec<_> = (0..tasks).map(|_| tokio::spawn(async {})).collect();
    for task in all {
        task.await.expect("a task ends");
    }
}

async fn echo(times: u64) {
    let stream = echo_peer();
    stream.set_nonblocking(true).expect("it does not block");
    let mut stream = tokio::net::TcpStream::from_std(stream).expect("a stream");
    let mut buf = [0; ECHO_BYTES];
    for _ in 0..times * ECHO_ROUNDS {
        stream.write_all(&buf).await.expect("sent");
        stream.read_exact(&mut buf).await.expect("received");
    }
}

async fn storm(times: u64) {
    for _ in 0..times * 1024 {
        for _ in 0..8 {
            let mut sleep = std::pin::pin!(tokio::time::sleep(Duration::from_micros(200)));
            assert!(futures::poll!(&mut sleep).is_pending());
        }
        tokio::time::sleep(Duration::from_micros(1)).await;
    }
}

async fn read_piece(file: &'static std::fs::File, place: u64) {
    tokio::task::spawn_blocking(move || {
        file.read_exact_at(&mut [0; PIECE], place)
            .expect("a piece is read")
    })
    .await
    .expect("it ends");
}

async fn read_in_turn(times: u64) {
    let file = file();
    for i in 0..times * READS_IN_TURN {
        read_piece(file, place_of(i)).await;
    }
}

async fn read_deep(times: u64) {
    use futures::StreamExt;
    let file = file();
    futures::stream::iter(0..times * READS)
        .map(|i| read_piece(file, place_of(i % READS)))
        .buffer_unordered(DEPTH as usize)
        .for_each(|()| async {})
        .await;
}

fn cold_start(run: &mut Run) {
    run.start();
    for _ in 0..run.count {
        across(ping_pong(1, 64));
    }
    run.stop();
}

#[rustfmt::skip]
fn main() {
    main_with("tokio", &[
        Row { name: "ping_pong_rtt", unit: "us", scale: 1e3, count: 4, run: |run| timed_across!(run, ping_pong, 256) },
        Row { name: "one_way_drain", unit: "us", scale: 1e3, count: 100, run: |run| timed_across!(run, one_way_single) },
        Row { name: "cold_start", unit: "us", scale: 1e3, count: 10, run: cold_start },
        Row { name: "fanout_balanced", unit: "us", scale: 1e3, count: 8, run: |run| timed!(run, fan_out, false) },
        Row { name: "fanout_skewed", unit: "us", scale: 1e3, count: 8, run: |run| timed!(run, fan_out, true) },
        Row { name: "spawn_join_each", unit: "ns", scale: 1.0, count: 1_000_000, run: |run| timed!(run, await_each) },
        Row { name: "spawn_join_all", unit: "ns", scale: 1.0, count: 1_000_000, run: |run| timed!(run, await_all) },
        Row { name: "echo_rtt_256b", unit: "us", scale: 1e3, count: 4, run: |run| timed!(run, echo) },
        Row { name: "timer_storm", unit: "us", scale: 1e3, count: 1, run: |run| timed!(run, storm) },
        Row { name: "fs_read_rtt_4k", unit: "us", scale: 1e3, count: 20, run: |run| timed!(run, read_in_turn) },
        Row { name: "fs_read_4k_qd32", unit: "us", scale: 1e3, count: 3, run: |run| timed!(run, read_deep) },
    ]);
    main_with("tokio-batch64", &[
        Row { name: "one_way_drain", unit: "us", scale: 1e3, count: 100, run: |run| timed_across!(run, one_way, 64) },
    ]);
    main_with("tokio-batchall", &[
        Row { name: "one_way_drain", unit: "us", scale: 1e3, count: 100, run: |run| timed_across!(run, one_way, 2048) },
    ]);
}
