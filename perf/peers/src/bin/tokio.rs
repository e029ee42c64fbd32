// SPDX-License-Identifier: MIT
//! Tokio: the multi-thread runtime with two workers; the workload is a task on one of them. Messages
//! are its unbounded channels; batches are vectors of 64, or of all.

use peers::streams::*;
use peers::*;
use std::future::Future;
use std::os::unix::fs::FileExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
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
    let stream = echo_peer(ECHO_BYTES);
    stream.set_nonblocking(true).expect("it does not block");
    let mut stream = TcpStream::from_std(stream).expect("a stream");
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

async fn connect(load: Load) -> Vec<TcpStream> {
    let address = echo_server(load.streams, ROOM);
    let mut streams = Vec::new();
    for _ in 0..load.streams {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        streams.push(stream);
    }
    streams
}

type Owners = Vec<UnboundedSender<u32>>;

/// One stream through all steps, frame by frame.
async fn go_through(load: Load, index: usize, mut stream: TcpStream, owners: Owners) -> TcpStream {
    let mut frame = vec![0; FRAME];
    let mut number = 0;
    for step in 0..load.steps {
        let frames = load.frames(index, step);
        for window in windows(frames) {
            for _ in 0..window {
                stream.write_all(&frame).await.expect("sent");
            }
            for _ in 0..window {
                stream.read_exact(&mut frame).await.expect("received");
                load.stage(index, number);
                number += 1;
            }
        }
        for _ in 0..frames * load.messages {
            owners[step % OWNERS].send(1).expect("sent");
        }
    }
    stream
}

/// A task for each owner of keys, and one for each stream.
async fn run_streams(load: Load, streams: &mut Vec<TcpStream>, times: u64) {
    for _ in 0..times {
        let (mut owners, mut sums) = (Owners::new(), Vec::new());
        for _ in 0..OWNERS {
            let (send, mut receive) = unbounded_channel::<u32>();
            owners.push(send);
            sums.push(tokio::spawn(async move {
                let mut sum = 0;
                while let Some(value) = receive.recv().await {
                    sum += u64::from(value);
                }
                sum
            }));
        }
        let tasks: Vec<_> = streams
            .drain(..)
            .enumerate()
            .map(|(i, stream)| tokio::spawn(go_through(load, i, stream, owners.clone())))
            .collect();
        for task in tasks {
            streams.push(task.await.expect("a stream"));
        }
        drop(owners);
        let mut sum = 0;
        for owner in sums {
            sum += owner.await.expect("an owner");
        }
        assert_eq!(sum, load.all_messages());
    }
}

macro_rules! timed_streams {
    ($run:ident, $load:ident) => {{
        let mut own = std::mem::replace($run, Run::empty());
        *$run = on_worker(async move {
            let mut streams = connect($load).await;
            run_streams($load, &mut streams, own.warm_up).await;
            own.start();
            run_streams($load, &mut streams, own.count).await;
            own.stop();
            own
        });
    }};
}

async fn look_at_all(files: &Files, times: u64) {
    for _ in 0..times {
        for path in &files.paths {
            tokio::fs::metadata(path).await.expect("metadata");
        }
    }
}

fn metadata(run: &mut Run) {
    let mut own = std::mem::replace(run, Run::empty());
    *run = on_worker(async move {
        let files = Files::new();
        look_at_all(&files, own.warm_up).await;
        own.start();
        look_at_all(&files, own.count).await;
        own.stop();
        own
    });
}

/// A thread asks a task and waits for its answer.
fn sparse(run: &mut Run) {
    let runtime = runtime();
    let (ask, mut asked) = unbounded_channel::<std::sync::mpsc::Sender<()>>();
    runtime.spawn(async move {
        let stream = echo_peer(EVENT_BYTES);
        stream.set_nonblocking(true).expect("it does not block");
        let mut stream = TcpStream::from_std(stream).expect("a stream");
        let mut buf = [0; EVENT_BYTES];
        while let Some(answer) = asked.recv().await {
            stream.write_all(&buf).await.expect("sent");
            stream.read_exact(&mut buf).await.expect("received");
            answer.send(()).expect("answered");
        }
    });
    let fire = || {
        let (answer, answered) = std::sync::mpsc::channel();
        ask.send(answer).expect("asked");
        answered.recv().expect("answered");
    };
    wait_for_events(run.warm_up, fire);
    run.start();
    let waited = wait_for_events(run.count, fire);
    run.stop();
    run.time_waited(waited);
}

/// A thousand tasks that wait.
fn idle(run: &mut Run) {
    let runtime = runtime();
    for _ in 0..1000 {
        runtime.spawn(std::future::pending::<()>());
    }
    std::thread::sleep(Duration::from_millis(50));
    run.start();
    std::thread::sleep(Duration::from_millis(run.count));
    run.stop();
    run.time_cpu();
    runtime.shutdown_background();
}

async fn echo_for_ever(mut stream: TcpStream) {
    let mut buf = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut buf).await {
        if stream.write_all(&buf[..n]).await.is_err() {
            break;
        }
    }
}

/// One thread: its scheduler for that.
fn serve(listener: std::net::TcpListener, yielder: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        listener.set_nonblocking(true).expect("it does not block");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        if yielder {
            tokio::spawn(async {
                loop {
                    tokio::task::yield_now().await;
                }
            });
        }
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo_for_ever(stream));
        }
    });
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
    if let Some((listener, yielder)) = serving() {
        return serve(listener, yielder);
    }
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
        Row { name: "stream_4k_w32", unit: "us", scale: 1e3, count: 4, run: |run| timed_streams!(run, STREAM) },
        Row { name: "imbalanced_hot1_light7", unit: "us", scale: 1e3, count: 3, run: |run| timed_streams!(run, IMBALANCED) },
        Row { name: "hotspot_rotation_4k", unit: "us", scale: 1e3, count: 3, run: |run| timed_streams!(run, HOTSPOT) },
        Row { name: "pipeline_rotation_w32", unit: "us", scale: 1e3, count: 1, run: |run| timed_streams!(run, PIPELINE) },
        Row { name: "keyed_rotation_4k", unit: "us", scale: 1e3, count: 3, run: |run| timed_streams!(run, KEYED) },
        Row { name: "fs_metadata", unit: "us", scale: 1e3, count: 10, run: metadata },
        Row { name: "wakeup_sparse", unit: "us", scale: 1e3, count: 4, run: sparse },
        Row { name: "idle_2", unit: "us/s", scale: 1.0, count: 1000, run: idle },
    ]);
    main_with("tokio-batch64", &[
        Row { name: "one_way_drain", unit: "us", scale: 1e3, count: 100, run: |run| timed_across!(run, one_way, 64) },
    ]);
    main_with("tokio-batchall", &[
        Row { name: "one_way_drain", unit: "us", scale: 1e3, count: 100, run: |run| timed_across!(run, one_way, 2048) },
    ]);
}
