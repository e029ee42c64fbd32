// SPDX-License-Identifier: MIT
//! What goes over the streams: the loads of perf/streams.h.

pub const FRAME: usize = 4096;
pub const AT_ONCE: usize = 32;
pub const ROOM: usize = 64 << 10;
pub const OWNERS: usize = 2;

/// Every stream goes through all steps; in each one stream is hot.
#[derive(Clone, Copy)]
pub struct Load {
    pub streams: usize,
    pub steps: usize,
    pub hot: usize,
    pub cold: usize,
    pub rotate: bool,
    pub messages: usize,
    pub cpu_hot: u64,
    pub cpu_cold: u64,
}

const NOTHING: Load = Load {
    streams: 8,
    steps: 1,
    hot: 0,
    cold: 0,
    rotate: false,
    messages: 0,
    cpu_hot: 0,
    cpu_cold: 0,
};

pub const STREAM: Load = Load {
    streams: 1,
    hot: 2048,
    ..NOTHING
};
pub const IMBALANCED: Load = Load {
    hot: 2048,
    cold: 128,
    ..NOTHING
};
pub const HOTSPOT: Load = Load {
    steps: 64,
    hot: 32,
    cold: 2,
    rotate: true,
    ..NOTHING
};
pub const PIPELINE: Load = Load {
    hot: 1024,
    cold: 1024,
    cpu_hot: 4000,
    cpu_cold: 150,
    ..NOTHING
};
pub const KEYED: Load = Load {
    messages: 16,
    ..HOTSPOT
};

impl Load {
    pub fn frames(&self, stream: usize, step: usize) -> usize {
        let hot = if self.rotate { step % self.streams } else { 0 };
        if stream == hot {
            self.hot
        } else {
            self.cold
        }
    }

    /// What is computed for a frame; the hot role goes to the next stream every 64 frames.
    pub fn stage(&self, stream: usize, number: usize) {
        let hot = number / 64 % 8;
        let steps = if stream == hot {
            self.cpu_hot
        } else {
            self.cpu_cold
        };
        let mut x = (stream as u64) << 17 ^ (number as u64) << 3 ^ 0x9e37_79b9_7f4a_7c15;
        for i in 0..steps {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x = x.wrapping_add(i.wrapping_mul(0x27d4_eb2d));
        }
        std::hint::black_box(x);
    }

    /// The messages of all streams in one operation.
    pub fn all_messages(&self) -> u64 {
        let frames: usize = (0..self.steps)
            .flat_map(|step| (0..self.streams).map(move |stream| (stream, step)))
            .map(|(stream, step)| self.frames(stream, step))
            .sum();
        (frames * self.messages) as u64
    }
}

/// The windows of a step: how many frames go at once.
pub fn windows(frames: usize) -> impl Iterator<Item = usize> {
    (0..frames.div_ceil(AT_ONCE)).map(move |i| AT_ONCE.min(frames - i * AT_ONCE))
}
