// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Rows of goroutines, channels, timers and files. Channels have room for 64 values where that is allowed.

func pingPong(times int) {
	there, back := make(chan int), make(chan int)
	go func() {
		for value := range there {
			back <- value
		}
	}()
	for i := 0; i < 256*times; i++ {
		there <- i
		expect(<-back == i, "the answer comes back")
	}
	close(there)
}

func oneWay(times int) {
	there, back := make(chan int, 64), make(chan int)
	go func() {
		sum := 0
		for value := range there {
			sum += value
			if value == 0 {
				back <- sum
				sum = 0
			}
		}
	}()
	for i := 0; i < times; i++ {
		for value := 1; value <= 2048; value++ {
			there <- value
		}
		there <- 0
		expect(<-back == 2048*2049/2, "what was sent is what came")
	}
	close(there)
}

func compute(seed uint64, steps uint64) uint64 {
	x := seed ^ 0x9e3779b97f4a7c15
	for i := uint64(0); i < steps; i++ {
		x = x*6364136223846793005 + (1442695040888963407 ^ i)
		x ^= x >> 29
	}
	return x
}

func steps(skewed bool, request, branch int) uint64 {
	if !skewed {
		return 2000
	}
	if branch == request%16 {
		return 20000
	}
	return 500
}

var sink uint64

func fanOut(skewed bool) func(times int) {
	return func(times int) {
		sums := make(chan uint64, 16)
		for request := 0; request < 64*times; request++ {
			for i := 0; i < 16; i++ {
				seed, n := uint64(request%64)<<32^uint64(i), steps(skewed, request%64, i)
				go func() { sums <- compute(seed, n) }()
			}
			for i := 0; i < 16; i++ {
				sink += <-sums
			}
		}
	}
}

func awaitEach(times int) {
	done := make(chan struct{})
	for i := 0; i < times; i++ {
		go func() { done <- struct{}{} }()
		<-done
	}
}

func awaitAll(times int) {
	done := make(chan struct{}, 64)
	for i := 0; i < times; i++ {
		go func() { done <- struct{}{} }()
	}
	for i := 0; i < times; i++ {
		<-done
	}
}

func storm(times int) {
	for i := 0; i < 1024*times; i++ {
		for j := 0; j < 8; j++ {
			time.NewTimer(200 * time.Microsecond).Stop()
		}
		time.Sleep(time.Microsecond)
	}
}

const piece, pieces = 4096, 4096

func placeOf(i int) int64 {
	return int64(uint64(i)*2654435761%pieces) * piece
}

// A file in memory; its name is gone at once.
func memoryFile() *os.File {
	file, err := os.CreateTemp("/dev/shm", "peal-peers-")
	expect(err == nil, "there is a file in memory")
	os.Remove(file.Name())
	file.Write(make([]byte, piece*pieces))
	return file
}

func readInTurn(r *run) {
	file := memoryFile()
	defer file.Close()
	buf := make([]byte, piece)
	r.timed(func(times int) {
		for i := 0; i < 256*times; i++ {
			n, _ := file.ReadAt(buf, placeOf(i))
			expect(n == piece, "a piece is read")
		}
	})
}

// 32 goroutines, each with one read in flight.
func readDeep(r *run) {
	file := memoryFile()
	defer file.Close()
	r.timed(func(times int) {
		done := make(chan struct{})
		for first := 0; first < 32; first++ {
			go func(first int) {
				buf := make([]byte, piece)
				for i := first; i < 4096*times; i += 32 {
					n, _ := file.ReadAt(buf, placeOf(i%4096))
					expect(n == piece, "a piece is read")
				}
				done <- struct{}{}
			}(first)
		}
		for i := 0; i < 32; i++ {
			<-done
		}
	})
}

func metadata(r *run) {
	folder, err := os.MkdirTemp("/dev/shm", "peal-peers-")
	expect(err == nil, "there is a folder")
	defer os.RemoveAll(folder)
	paths := make([]string, 1024)
	for i := range paths {
		paths[i] = filepath.Join(folder, "file-"+strconv.Itoa(i))
		expect(os.WriteFile(paths[i], nil, 0o600) == nil, "a file")
	}
	r.timed(func(times int) {
		for i := 0; i < times; i++ {
			for _, path := range paths {
				_, err := os.Stat(path)
				expect(err == nil, "a path has metadata")
			}
		}
	})
}

// A thousand goroutines that wait.
func idle(r *run) {
	for i := 0; i < 1000; i++ {
		go func() { select {} }()
	}
	time.Sleep(50 * time.Millisecond)
	r.start()
	time.Sleep(time.Duration(r.count) * time.Millisecond)
	r.stop()
	r.wall = r.cpu
}

var rows = []row{
	{"ping_pong_rtt", "us", 1e3, 20, func(r *run) { r.timed(pingPong) }},
	{"one_way_drain", "us", 1e3, 50, func(r *run) { r.timed(oneWay) }},
	{"chan_1024", "ns", 1, 1000000, channel(1024, false)},
	{"chan_64", "ns", 1, 500000, channel(64, false)},
	{"chan_1", "ns", 1, 100000, channel(1, false)},
	{"chan_0", "ns", 1, 100000, channel(0, false)},
	{"chan_1024/threads", "ns", 1, 1000000, channel(1024, true)},
	{"chan_64/threads", "ns", 1, 500000, channel(64, true)},
	{"chan_1/threads", "ns", 1, 20000, channel(1, true)},
	{"chan_0/threads", "ns", 1, 20000, channel(0, true)},
	{"fanout_balanced", "us", 1e3, 8, func(r *run) { r.timed(fanOut(false)) }},
	{"fanout_skewed", "us", 1e3, 8, func(r *run) { r.timed(fanOut(true)) }},
	{"spawn_join_each", "ns", 1, 1000000, func(r *run) { r.timed(awaitEach) }},
	{"spawn_join_all", "ns", 1, 1000000, func(r *run) { r.timed(awaitAll) }},
	{"timer_storm", "us", 1e3, 1, func(r *run) { r.timed(storm) }},
	{"fs_read_rtt_4k", "us", 1e3, 20, readInTurn},
	{"fs_read_4k_qd32", "us", 1e3, 3, readDeep},
	{"fs_metadata", "us", 1e3, 10, metadata},
	{"idle_2", "us/s", 1, 1000, idle},
	{"echo_rtt_256b", "us", 1e3, 4, echoRounds},
	{"stream_4k_w32", "us", 1e3, 4, streams(stream)},
	{"imbalanced_hot1_light7", "us", 1e3, 3, streams(imbalanced)},
	{"hotspot_rotation_4k", "us", 1e3, 3, streams(hotspot)},
	{"pipeline_rotation_w32", "us", 1e3, 1, streams(pipeline)},
	{"keyed_rotation_4k", "us", 1e3, 3, streams(keyed)},
}
