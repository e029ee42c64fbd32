// SPDX-License-Identifier: MIT

package main

import (
	"io"
	"net"
	"runtime"
	"syscall"
)

// Rows of streams; the loads are those of perf/streams.h.

const frame, atOnce, owners = 4096, 32, 2

// Every stream goes through all steps; in each one stream is hot.
type load struct {
	streams, steps, hot, cold int
	rotate                    bool
	messages                  int
	cpuHot, cpuCold           uint64
}

var (
	stream     = load{streams: 1, steps: 1, hot: 2048}
	imbalanced = load{streams: 8, steps: 1, hot: 2048, cold: 128}
	hotspot    = load{streams: 8, steps: 64, hot: 32, cold: 2, rotate: true}
	pipeline   = load{streams: 8, steps: 1, hot: 1024, cold: 1024, cpuHot: 4000, cpuCold: 150}
	keyed      = load{streams: 8, steps: 64, hot: 32, cold: 2, rotate: true, messages: 16}
)

func (l *load) frames(stream, step int) int {
	hot := 0
	if l.rotate {
		hot = step % l.streams
	}
	if stream == hot {
		return l.hot
	}
	return l.cold
}

// What is computed for a frame; the hot role goes to the next stream every 64 frames.
func (l *load) stage(stream, number int) uint64 {
	steps := l.cpuCold
	if stream == number/64%8 {
		steps = l.cpuHot
	}
	x := uint64(stream)<<17 ^ uint64(number)<<3 ^ 0x9e3779b97f4a7c15
	for i := uint64(0); i < steps; i++ {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		x += i * 0x27d4eb2d
	}
	return x
}

func (l *load) allMessages() (n int) {
	for step := 0; step < l.steps; step++ {
		for i := 0; i < l.streams; i++ {
			n += l.frames(i, step) * l.messages
		}
	}
	return n
}

// A thread that blocks in the system calls and echoes, as the other runtimes have it: not a goroutine's
// way of waiting.
func echoBack(conn *net.TCPConn, room int) {
	runtime.LockOSThread()
	file, err := conn.File()
	expect(err == nil, "a descriptor")
	conn.Close()
	fd := int(file.Fd())
	syscall.SetNonblock(fd, false)
	buf := make([]byte, room)
	for {
		n, err := syscall.Read(fd, buf)
		if n <= 0 || err != nil {
			break
		}
		syscall.Write(fd, buf[:n])
	}
	file.Close()
}

// The client's end of a connection whose other end echoes.
func echoPeer(room int) net.Conn {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	expect(err == nil, "a listener")
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	expect(err == nil, "a connection")
	peer, err := listener.Accept()
	expect(err == nil, "a connection")
	go echoBack(peer.(*net.TCPConn), room)
	return conn
}

func echoRounds(r *run) {
	conn := echoPeer(256)
	defer conn.Close()
	buf := make([]byte, 256)
	r.timed(func(times int) {
		for i := 0; i < 512*times; i++ {
			conn.Write(buf)
			_, err := io.ReadFull(conn, buf)
			expect(err == nil, "all is received")
		}
	})
}

// One stream through all steps, frame by frame.
func (l *load) goThrough(index int, conn net.Conn, keys []chan int) {
	buf := make([]byte, frame)
	number, sum := 0, uint64(0)
	for step := 0; step < l.steps; step++ {
		frames := l.frames(index, step)
		for left := frames; left > 0; left -= atOnce {
			n := min(left, atOnce)
			for i := 0; i < n; i++ {
				conn.Write(buf)
			}
			for i := 0; i < n; i++ {
				_, err := io.ReadFull(conn, buf)
				expect(err == nil, "all is received")
				sum += l.stage(index, number)
				number++
			}
		}
		for i := 0; i < frames*l.messages; i++ {
			keys[step%owners] <- 1
		}
	}
	runtime.KeepAlive(sum)
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func (l *load) once(conns []net.Conn) {
	keys, sums, done := make([]chan int, owners), make(chan int), make(chan struct{})
	for i := range keys {
		keys[i] = make(chan int, 1024)
		go func(values chan int) {
			sum := 0
			for value := range values {
				sum += value
			}
			sums <- sum
		}(keys[i])
	}
	for i, conn := range conns {
		go func(i int, conn net.Conn) {
			l.goThrough(i, conn, keys)
			done <- struct{}{}
		}(i, conn)
	}
	for range conns {
		<-done
	}
	sum := 0
	for _, values := range keys {
		close(values)
		sum += <-sums
	}
	expect(sum == l.allMessages(), "every message comes")
}

func streams(l load) func(r *run) {
	return func(r *run) {
		conns := make([]net.Conn, l.streams)
		for i := range conns {
			conns[i] = echoPeer(64 << 10)
			defer conns[i].Close()
		}
		r.timed(func(times int) {
			for i := 0; i < times; i++ {
				l.once(conns)
			}
		})
	}
}
