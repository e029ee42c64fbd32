// SPDX-License-Identifier: MIT

// The workloads of perf/ on Go's standard library, as many threads (GOMAXPROCS) as Peal has shards. This
// file has what is not a workload: the command line and the output of perf/perf.c, for one sample.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// One sample: warmUp operations, then count between start and stop.
type run struct {
	count, warmUp int
	wall          time.Duration // or what the row times instead
	cpu           time.Duration
	sleeps        int64
	begin         time.Time
}

func used() (cpu time.Duration, sleeps int64) {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		panic("no usage")
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), usage.Nvcsw
}

func (r *run) start() {
	r.cpu, r.sleeps = used()
	r.begin = time.Now()
}

func (r *run) stop() {
	r.wall = time.Since(r.begin)
	cpu, sleeps := used()
	r.cpu = cpu - r.cpu
	r.sleeps = sleeps - r.sleeps
}

// Both of something that can be done `times` times.
func (r *run) timed(work func(times int)) {
	work(r.warmUp)
	r.start()
	work(r.count)
	r.stop()
}

// scale is how many nanoseconds the unit has. A name may have a part behind a slash, which goes to the
// variant's.
type row struct {
	name, unit string
	scale      float64
	count      int
	run        func(r *run)
}

func (row row) names() (name, variant string) {
	name, part, found := strings.Cut(row.name, "/")
	if found {
		return name, "go/" + part
	}
	return name, "go"
}

func (row row) sample(smoke bool) {
	r := run{count: row.count, warmUp: (row.count + 7) / 8}
	if smoke {
		r.count, r.warmUp = 1, 1
	}
	row.run(&r)
	per := float64(r.count) * row.scale
	name, variant := row.names()
	fmt.Printf("{\"name\":%q,\"variant\":%q,\"value\":%.6f,\"unit\":%q,\"cpu\":%.6f,\"sleeps\":%.4f}\n",
		name, variant, float64(r.wall.Nanoseconds())/per, row.unit,
		float64(r.cpu.Nanoseconds())/per, float64(r.sleeps)/float64(r.count))
}

func expect(holds bool, what string) {
	if !holds {
		fmt.Fprintln(os.Stderr, "go: this did not hold:", what)
		os.Exit(1)
	}
}

// An echo server on a listening socket that was inherited, as perf/echo_conns.c starts one: one thread.
func serve(fd uintptr, yielder bool) {
	runtime.GOMAXPROCS(1)
	listener, err := net.FileListener(os.NewFile(fd, "listener"))
	expect(err == nil, "a listener is inherited")
	if yielder {
		go func() {
			for {
				runtime.Gosched()
			}
		}()
	}
	for {
		conn, err := listener.Accept()
		expect(err == nil, "a connection")
		go func() {
			buf := make([]byte, 4096)
			for {
				n, err := conn.Read(buf)
				if err != nil {
					conn.Close()
					return
				}
				conn.Write(buf[:n])
			}
		}()
	}
}

func main() {
	list := flag.Bool("list", false, "rows")
	only := flag.String("only", "", "this ROW, or ROW/go")
	samples := flag.Int("samples", 1, "of each row")
	smoke := flag.Bool("smoke", false, "as little as possible")
	flag.Bool("json", true, "it always is")
	fd := flag.Uint("serve", 0, "an echo server on this descriptor")
	yielder := flag.Bool("yielder", false, "beside a goroutine that yields")
	flag.Parse()
	if *fd != 0 {
		serve(uintptr(*fd), *yielder)
	}
	runtime.GOMAXPROCS(2)
	for _, row := range rows {
		name, variant := row.names()
		if *list {
			fmt.Printf("%s/%s\n", name, variant)
			continue
		}
		for i := 0; i < *samples && (*only == "" || *only == name || *only == name+"/"+variant); i++ {
			row.sample(*smoke)
		}
	}
}
