// SPDX-License-Identifier: MIT
//! Compio: one thread, as its runtime is; rows that share work between threads are not its kind.

use compio::buf::BufResult;
use compio::io::{AsyncReadAt, AsyncReadExt, AsyncWriteExt};
use compio::net::TcpStream;
use compio::runtime::Runtime;
use futures::StreamExt;
use peers::streams::*;
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
    let mut stream = TcpStream::from_std(echo_peer(ECHO_BYTES)).expect("a stream");
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

/// One stream through all steps, frame by frame. Owners of keys are in the same thread: sums.
async fn go_through(load: Load, index: usize, mut stream: TcpStream) -> TcpStream {
    let mut frame = vec![0; FRAME];
    let mut owners = [0u64; OWNERS];
    let mut number = 0;
    for step in 0..load.steps {
        let frames = load.frames(index, step);
        for window in windows(frames) {
            for _ in 0..window {
                let BufResult(sent, same) = stream.write_all(frame).await;
                sent.expect("sent");
                frame = same;
            }
            for _ in 0..window {
                let BufResult(received, same) = stream.read_exact(frame).await;
                received.expect("received");
                frame = same;
                load.stage(index, number);
                number += 1;
            }
        }
        for _ in 0..frames * load.messages {
            owners[step % OWNERS] = std::hint::black_box(owners[step % OWNERS] + 1);
        }
    }
    stream
}

async fn run_streams(load: Load, streams: &mut Vec<TcpStream>, times: u64) {
    for _ in 0..times {
        let tasks: Vec<_> = streams
            .drain(..)
            .enumerate()
            .map(|(i, stream)| compio::runtime::spawn(go_through(load, i, stream)))
            .collect();
        for task in tasks {
            streams.push(task.await.expect("a stream"));
        }
    }
}

fn timed_streams(run: &mut Run, load: Load) {
    Runtime::new().expect("a runtime").block_on(async {
        let mut streams = connect(load).await;
        run_streams(load, &mut streams, run.warm_up).await;
        run.start();
        run_streams(load, &mut streams, run.count).await;
        run.stop();
    })
}

async fn look_at_all(files: &Files, times: u64) {
    for _ in 0..times {
        for path in &files.paths {
            compio::fs::metadata(path).await.expect("metadata");
        }
    }
}

fn metadata(run: &mut Run) {
    let files = Files::new();
    Runtime::new().expect("a runtime").block_on(async {
        look_at_all(&files, run.warm_up).await;
        run.start();
        look_at_all(&files, run.count).await;
        run.stop();
    })
}

/// A thread asks a task and waits for its answer.
fn sparse(run: &mut Run) {
    let (ask, mut asked) = futures::channel::mpsc::unbounded::<std::sync::mpsc::Sender<()>>();
    let thread = std::thread::spawn(move || {
        Runtime::new().expect("a runtime").block_on(async {
            let mut stream = TcpStream::from_std(echo_peer(EVENT_BYTES)).expect("a stream");
            let mut buf = vec![0; EVENT_BYTES];
            while let Some(answer) = asked.next().await {
                let BufResult(sent, same) = stream.write_all(buf).await;
                sent.expect("sent");
                let BufResult(received, same) = stream.read_exact(same).await;
                received.expect("received");
                buf = same;
                answer.send(()).expect("answered");
            }
        })
    });
    let fire = || {
        let (answer, answered) = std::sync::mpsc::channel();
        ask.unbounded_send(answer).expect("asked");
        answered.recv().expect("answered");
    };
    wait_for_events(run.warm_up, fire);
    run.start();
    let waited = wait_for_events(run.count, fire);
    run.stop();
    run.time_waited(waited);
    drop(ask);
    thread.join().expect("it ends");
}

async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await
}

async fn echo_for_ever(mut stream: TcpStream) {
    use compio::io::AsyncRead;
    let mut buf = Vec::with_capacity(4096);
    loop {
        buf.clear();
        let BufResult(received, same) = stream.read(buf).await;
        if !matches!(received, Ok(1..)) {
            break;
        }
        let BufResult(sent, same) = stream.write_all(same).await;
        if sent.is_err() {
            break;
        }
        buf = same;
    }
}

fn serve(listener: std::net::TcpListener, yielder: bool) {
    Runtime::new().expect("a runtime").block_on(async {
        let listener = compio::net::TcpListener::from_std(listener).expect("a listener");
        if yielder {
            compio::runtime::spawn(async {
                loop {
                    yield_now().await;
                }
            })
            .detach();
        }
        while let Ok((stream, _)) = listener.accept().await {
            compio::runtime::spawn(echo_for_ever(stream)).detach();
        }
    })
}

#[rustfmt::skip]
fn main() {
    if let Some((listener, yielder)) = serving() {
        return serve(listener, yielder);
    }
    main_with("compio", &[
        Row { name: "spawn_join_each", unit: "ns", scale: 1.0, count: 50_000, run: |run| timed!(run, await_each) },
        Row { name: "spawn_join_all", unit: "ns", scale: 1.0, count: 100_000, run: |run| timed!(run, await_all) },
        Row { name: "echo_rtt_256b", unit: "us", scale: 1e3, count: 4, run: |run| timed!(run, echo) },
        Row { name: "timer_storm", unit: "us", scale: 1e3, count: 1, run: |run| timed!(run, storm) },
        Row { name: "fs_read_rtt_4k", unit: "us", scale: 1e3, count: 20, run: |run| timed!(run, read_in_turn) },
        Row { name: "fs_read_4k_qd32", unit: "us", scale: 1e3, count: 3, run: |run| timed!(run, read_deep) },
        Row { name: "stream_4k_w32", unit: "us", scale: 1e3, count: 4, run: |run| timed_streams(run, STREAM) },
        Row { name: "imbalanced_hot1_light7", unit: "us", scale: 1e3, count: 3, run: |run| timed_streams(run, IMBALANCED) },
        Row { name: "hotspot_rotation_4k", unit: "us", scale: 1e3, count: 3, run: |run| timed_streams(run, HOTSPOT) },
        Row { name: "pipeline_rotation_w32", unit: "us", scale: 1e3, count: 1, run: |run| timed_streams(run, PIPELINE) },
        Row { name: "keyed_rotation_4k", unit: "us", scale: 1e3, count: 3, run: |run| timed_streams(run, KEYED) },
        Row { name: "fs_metadata", unit: "us", scale: 1e3, count: 10, run: metadata },
        Row { name: "wakeup_sparse", unit: "us", scale: 1e3, count: 4, run: sparse },
    ]);
}
