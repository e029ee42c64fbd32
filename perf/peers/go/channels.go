// SPDX-License-Identifier: MIT

package main

import "runtime"

// Values through a channel, as perf/channels.c has them. Go's scheduler puts the two goroutines on one
// thread where it can; with `threads` each is locked to one of its own.

func passValues(capacity int, threads bool) func(times int) {
	return func(times int) {
		values := make(chan uint64, capacity)
		go func() {
			if threads {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
			}
			for i := 1; i <= times; i++ {
				values <- uint64(i)
			}
		}()
		if threads {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
		}
		sum := uint64(0)
		for i := 0; i < times; i++ {
			sum += <-values
		}
		expect(sum == uint64(times)*uint64(times+1)/2, "what was sent is what came")
	}
}

func channel(capacity int, threads bool) func(r *run) {
	return func(r *run) { r.timed(passValues(capacity, threads)) }
}
