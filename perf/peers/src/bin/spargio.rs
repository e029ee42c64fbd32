// SPDX-License-Identifier: MIT
//! Spargio: two shards on io_uring, in the configuration of its own benchmarks.

use futures::executor::block_on;
use futures::StreamExt;
use peers::streams::*;
use peers::*;
use spargio::net::TcpStream;
use spargio::{Event, Runtime, RuntimeHandle, ShardCtx};
use std::future::Future;
use std::os::fd::AsRawFd;
use std::time::Duration;

const PING: u16 = 1;
const ACK: u16 = 2;
const ONE_WAY: u16 = 3;
const FLUSH: u16 = 4;
const OVER: u16 = 5;
const KEY: u16 = 6;
const NO_MORE: u16 = 7;

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
    let stream = TcpStream::from_std(handle, echo_peer(ECHO_BYTES)).expect("a stream");
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

/// The configuration of its benchmarks of streams.
fn stream_runtime() -> Runtime {
    Runtime::builder()
        .shards(2)
        .hot_msg_tags([KEY, NO_MORE])
        .coalesced_hot_msg_tag(KEY)
        .io_uring_throughput_mode(None)
        .build()
        .expect("a runtime")
}

/// n frames, sent as a batch of the runtime's own.
async fn send_batch(stream: &TcpStream, frames: &mut Vec<Vec<u8>>, n: usize) {
    let batch = frames.drain(..n).collect();
    let (_, mut back) = stream.send_all_batch(batch, n).await.expect("sent");
    frames.append(&mut back);
}

/// n frames through buffers of the kernel's choice. How many are still to be read.
async fn receive_segments(stream: &TcpStream, n: usize) -> usize {
    let buffers = (2 * n).max(4) as u16;
    let received = stream
        .recv_multishot_segments(FRAME, buffers, n * FRAME)
        .await
        .expect("received");
    let bytes: usize = received.segments.iter().map(|segment| segment.len).sum();
    if bytes % FRAME > 0 {
        let rest = vec![0; FRAME - bytes % FRAME];
        stream.read_exact_owned(rest).await.expect("received");
    }
    n - bytes.div_ceil(FRAME)
}

async fn send_frames(stream: &TcpStream, frames: &mut [Vec<u8>], n: usize) {
    for frame in &mut frames[..n] {
        *frame = stream
            .write_all_owned(std::mem::take(frame))
            .await
            .expect("sent");
    }
}

/// One stream through all steps. As in its own benchmarks, frames go as a batch where nothing is computed,
/// and come through a multishot receive where no role rotates.
async fn go_through(load: Load, index: usize, stream: TcpStream, handle: RuntimeHandle) {
    let owners: Vec<_> = (0..OWNERS as u16)
        .map(|owner| handle.remote(owner).expect("an owner"))
        .collect();
    let mut sending = vec![vec![0; FRAME]; AT_ONCE];
    let mut frame = vec![0; FRAME];
    let mut number = 0;
    for step in 0..load.steps {
        let frames = load.frames(index, step);
        for window in windows(frames) {
            if load.cpu_hot == 0 {
                send_batch(&stream, &mut sending, window).await;
            } else {
                send_frames(&stream, &mut sending, window).await;
            }
            let mut left = window;
            if load.cpu_hot == 0 && !load.rotate {
                left = receive_segments(&stream, window).await;
            }
            for _ in 0..left {
                frame = stream.read_exact_owned(frame).await.expect("received");
                load.stage(index, number);
                number += 1;
            }
        }
        tell_owner(&owners[step % OWNERS], frames * load.messages).await;
    }
    for owner in owners.iter().filter(|_| load.messages > 0) {
        let told = owner.send_raw(NO_MORE, 1).expect("sent");
        told.await.expect("taken");
    }
}

async fn tell_owner(owner: &spargio::RemoteShard, mut messages: usize) {
    while messages > 0 {
        let n = messages.min(2 * AT_ONCE);
        match owner.send_many_raw_nowait(std::iter::repeat_n((KEY, 1), n)) {
            Ok(()) => messages -= n,
            Err(_) => {
                let told = owner.send_raw(KEY, 1).expect("sent");
                told.await.expect("taken");
                messages -= 1;
            }
        }
    }
}

/// Adds up until every stream has said that there is no more.
async fn own_keys(streams: usize) -> u64 {
    use futures::future::{select, Either};
    let here = || ShardCtx::current().expect("on a shard");
    let (mut sum, mut ended) = (0, 0);
    while ended < streams {
        let (count, event) = (here().next_hot_count(KEY), here().next_hot_event());
        match select(Box::pin(count), Box::pin(event)).await {
            Either::Left((count, _)) => sum += count,
            Either::Right((Event::RingMsg { tag: NO_MORE, .. }, _)) => ended += 1,
            Either::Right((Event::RingMsg { val, .. }, _)) => sum += u64::from(val),
        }
    }
    while let Some(count) = here().try_take_hot_count(KEY) {
        sum += count;
    }
    sum
}

/// As in its own benchmarks, the imbalanced streams may be stolen, and the others stay with their shard.
async fn run_streams(load: Load, streams: &[TcpStream], handle: &RuntimeHandle, times: u64) {
    for _ in 0..times {
        let owners: Vec<_> = (0..if load.messages > 0 { OWNERS } else { 0 })
            .map(|owner| handle.spawn_pinned(owner as u16, own_keys(load.streams)))
            .collect();
        let tasks: Vec<_> = streams
            .iter()
            .enumerate()
            .map(|(i, stream)| {
                let task = go_through(load, i, stream.clone(), handle.clone());
                if load.streams == 1 || load.rotate || load.cpu_hot > 0 {
                    stream.spawn_on_session(handle, task)
                } else {
                    handle.spawn_stealable(task)
                }
            })
            .collect();
        for task in tasks {
            task.expect("a stream").await.expect("it ends");
        }
        let mut sum = 0;
        for owner in owners {
            sum += owner.expect("an owner").await.expect("it ends");
        }
        assert_eq!(sum, load.all_messages());
    }
}

fn timed_streams(run: &mut Run, load: Load) {
    let runtime = stream_runtime();
    let handle = runtime.handle();
    let mut own = std::mem::replace(run, Run::empty());
    let work = async move {
        let address = echo_server(load.streams, ROOM);
        let streams = TcpStream::connect_many_round_robin(handle.clone(), address, load.streams)
            .await
            .expect("connections");
        for stream in &streams {
            nodelay(stream.as_raw_fd());
        }
        run_streams(load, &streams, &handle, own.warm_up).await;
        own.start();
        run_streams(load, &streams, &handle, own.count).await;
        own.stop();
        own
    };
    *run = block_on(runtime.spawn_on(0, work).expect("a task")).expect("it ends");
}

async fn look_at_all(handle: RuntimeHandle, files: &Files, times: u64) {
    for _ in 0..times {
        for path in &files.paths {
            spargio::fs::metadata_lite(&handle, path)
                .await
                .expect("metadata");
        }
    }
}

fn metadata(run: &mut Run) {
    let mut own = std::mem::replace(run, Run::empty());
    *run = on_shard(move |handle| async move {
        let files = Files::new();
        look_at_all(handle.clone(), &files, own.warm_up).await;
        own.start();
        look_at_all(handle, &files, own.count).await;
        own.stop();
        own
    });
}

/// A thread asks a task and waits for its answer.
fn sparse(run: &mut Run) {
    let runtime = runtime();
    let handle = runtime.handle();
    let (ask, mut asked) = futures::channel::mpsc::unbounded::<std::sync::mpsc::Sender<()>>();
    let task = runtime.spawn_on(0, async move {
        let stream = TcpStream::from_std(handle, echo_peer(EVENT_BYTES)).expect("a stream");
        let mut buf = vec![0; EVENT_BYTES];
        while let Some(answer) = asked.next().await {
            buf = stream.write_all_owned(buf).await.expect("sent");
            buf = stream.read_exact_owned(buf).await.expect("received");
            answer.send(()).expect("answered");
        }
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
    block_on(task.expect("a task")).expect("it ends");
}

/// A thousand tasks that wait.
fn idle(run: &mut Run) {
    let runtime = runtime();
    let tasks: Vec<_> = (0..1000)
        .map(|i| runtime.spawn_on(i % 2, std::future::pending::<()>()))
        .collect();
    std::thread::sleep(Duration::from_millis(50));
    run.start();
    std::thread::sleep(Duration::from_millis(run.count));
    run.stop();
    run.time_cpu();
    drop(tasks);
}

async fn echo_for_ever(stream: TcpStream) {
    let mut buf = vec![0; 4096];
    while let Ok((n @ 1.., mut same)) = stream.recv_owned(buf).await {
        same.truncate(n);
        match stream.write_all_owned(same).await {
            Ok(same) => buf = same,
            Err(_) => break,
        }
        buf.resize(4096, 0);
    }
}

async fn yield_for_ever() {
    std::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        std::task::Poll::<()>::Pending
    })
    .await
}

fn serve(listener: std::net::TcpListener, yielder: bool) {
    let runtime = Runtime::builder()
        .shards(1)
        .ring_entries(4096)
        .build()
        .expect("a runtime");
    let handle = runtime.handle();
    if yielder {
        drop(runtime.spawn_on(0, yield_for_ever()));
    }
    let task = runtime.spawn_on(0, async move {
        let listener = spargio::net::TcpListener::from_std(handle.clone(), listener);
        while let Ok((stream, _)) = listener.accept().await {
            drop(handle.spawn_pinned(0, echo_for_ever(stream)));
        }
    });
    block_on(task.expect("a task")).expect("it ends");
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
    if let Some((listener, yielder)) = serving() {
        return serve(listener, yielder);
    }
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
        Row { name: "stream_4k_w32", unit: "us", scale: 1e3, count: 4, run: |run| timed_streams(run, STREAM) },
        Row { name: "imbalanced_hot1_light7", unit: "us", scale: 1e3, count: 3, run: |run| timed_streams(run, IMBALANCED) },
        Row { name: "hotspot_rotation_4k", unit: "us", scale: 1e3, count: 3, run: |run| timed_streams(run, HOTSPOT) },
        Row { name: "pipeline_rotation_w32", unit: "us", scale: 1e3, count: 1, run: |run| timed_streams(run, PIPELINE) },
        Row { name: "keyed_rotation_4k", unit: "us", scale: 1e3, count: 3, run: |run| timed_streams(run, KEYED) },
        Row { name: "fs_metadata", unit: "us", scale: 1e3, count: 10, run: metadata },
        Row { name: "wakeup_sparse", unit: "us", scale: 1e3, count: 4, run: sparse },
        Row { name: "idle_2", unit: "us/s", scale: 1.0, count: 1000, run: idle },
    ]);
}
