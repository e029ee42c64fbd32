#!/bin/sh
# SPDX-License-Identifier: MIT
# The servers among the examples, as their clients see them: with bytes that were written by hand, and with
# curl and redis-cli where these are installed.
. "$PEAL_SRCDIR/tests/tap.sh"

talk=$PEAL_BUILDDIR/tests/docs/talk
examples=$PEAL_BUILDDIR/docs/examples
cd "$TMPDIR" || exit 99
servers=

# begin NAME ARGUMENT...: start an example in the background; its port is in $port then.
begin() {
	name=$1
	shift
	"$examples/$name" "$@" >"$name.out" 2>"$name.err" &
	server=$!
	servers="$servers $server"
	for _ in $(seq 300); do
		port=$(sed -n 's/^.* listens on .*[: ]\([0-9]*\)$/\1/p' "$name.out" 2>/dev/null)
		[ -z "$port" ] || return 0
		sleep 0.1
	done
	cat "$name.err"
	return 1
}

# end PID: it drains, and says that all went well.
end() {
	kill -TERM "$1" && wait "$1"
}

trap 'for server in $servers; do kill -KILL "$server" 2>/dev/null; done' EXIT

# answers WANTED SENT: both in the notation of printf.
answers() {
	printf -- "$1" >wanted
	printf -- "$2" | "$talk" "$port" >got && diff wanted got
}

# The RESP server

resp_pipeline() {
	answers '+OK\r\n$5\r\nhello\r\n:1\r\n:2\r\n+PONG\r\n$2\r\nhi\r\n*0\r\n' \
		'*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n*2\r\n$3\r\nget\r\n$1\r\nk\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\nincr n\r\nPING\r\necho  hi\r\n\r\nCOMMAND DOCS\r\n'
}

# Keys of all shards: values are told in the order in which they were asked for.
resp_many_keys() {
	answers '+OK\r\n*7\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$-1\r\n$1\r\n5\r\n$1\r\n6\r\n:6\r\n$-1\r\n' \
		'MSET a 1 b 2 c 3 d 4 e 5 f 6\r\nMGET a b c d nothing e f\r\nDEL a b c d nothing e f\r\nGET a\r\n'
}

resp_expiry() {
	answers '+OK\r\n:-1\r\n:1\r\n:100\r\n:1\r\n$-1\r\n:-2\r\n:0\r\n' \
		'SET soon x\r\nTTL soon\r\nEXPIRE soon 100\r\nTTL soon\r\nEXPIRE soon 0\r\nGET soon\r\nTTL soon\r\nEXPIRE soon 1\r\n'
}

resp_errors() {
	answers '-ERR unknown command\r\n-ERR wrong number of arguments\r\n-ERR wrong number of arguments\r\n+OK\r\n-ERR value is not an integer or out of range\r\n+PONG\r\n' \
		'nonsense\r\nget\r\nmset a 1 b\r\nset a x\r\nincr a\r\nping\r\n' &&
		answers '+PONG\r\n-ERR Protocol error\r\n' 'ping\r\n*1\r\n$x\r\nping\r\n'
}

# Both a line and a value that are longer than the buffer.
resp_too_long() {
	for start in '' '*2\r\n$4\r\necho\r\n$70000\r\n'; do
		{ printf "$start" && head -c 70000 /dev/zero | tr '\0' x; } | "$talk" "$port" >got
		printf -- '-ERR Protocol error\r\n' | diff - got || return
	done
}

# A command that comes in pieces, and a value of almost the whole buffer.
resp_pieces() {
	value=$(head -c 60000 /dev/zero | tr '\0' y)
	{
		printf '*3\r\n$3\r\nS' && sleep 0.1 && printf 'ET\r\n$3\r\nbig\r\n$60000\r\n' && sleep 0.1 &&
			printf '%s\r\nGET' "$value" && sleep 0.1 && printf ' big\r\n'
	} | "$talk" "$port" >got
	printf '+OK\r\n$60000\r\n%s\r\n' "$value" | cmp - got
}

# More commands than are answered at a time, with keys of all shards.
resp_many_commands() {
	seq 2000 | sed 's/.*/SET key& &/' | "$talk" "$port" >got && [ "$(grep -c '+OK' got)" = 2000 ] &&
		seq 2000 | sed 's/.*/GET key&/' | "$talk" "$port" | tr -d '\r' | grep -v '^\$' >got &&
		seq 2000 | diff - got && printf 'INFO\r\n' | "$talk" "$port" | grep '^db0:keys=20[0-9][0-9]'
}

resp_redis_cli() {
	redis-cli -p "$port" set answer 42 >got && redis-cli -p "$port" incr answer >>got && printf 'OK\n43\n' | diff - got &&
		redis-benchmark -p "$port" -q -c 20 -n 4000 -P 16 -r 1000 -t set,get,incr,mset >got 2>&1
}

# One that is idle does not hold it up.
resp_ends() {
	mkfifo idle || return
	"$talk" "$port" <idle >pong &
	client=$!
	exec 3>idle
	printf 'PING\r\n' >&3
	until [ -s pong ]; do sleep 0.05; done
	end "$resp" && wait "$client"
	result=$?
	exec 3>&-
	return $result
}

tap_ok 'resp-server listens' begin resp-server --port 0 --shards 2
resp=$server
tap_ok 'resp-server: commands in a row, also as lines' resp_pipeline
tap_ok 'resp-server: many keys in one command' resp_many_keys
tap_ok 'resp-server: keys expire' resp_expiry
tap_ok 'resp-server: errors' resp_errors
tap_ok 'resp-server: what is too long is refused' resp_too_long
tap_ok 'resp-server: commands in pieces' resp_pieces
tap_ok 'resp-server: thousands of commands in a row' resp_many_commands
if command -v redis-cli >/dev/null && command -v redis-benchmark >/dev/null; then
	tap_ok 'resp-server: redis-cli and redis-benchmark' resp_redis_cli
else
	tap_skip 'resp-server: redis-cli and redis-benchmark' 'there is no redis-cli (Debian: redis-tools)'
fi
tap_ok 'resp-server ends at a SIGTERM' resp_ends

# The HTTP server

mkdir -p root/sub
echo hello >root/index.html
seq 2000 >root/sub/numbers.txt
seq 400000 >root/large
echo secret >outside
ln -s ../outside root/link
ln -s sub/numbers.txt root/inner
: >root/empty

# Without the headers that change.
http_raw() {
	printf "$1" | "$talk" "$port" | tr -d '\r' | grep -v '^Date: \|^Last-Modified: \|^Server: ' >got
	printf "$2" | diff - got
}

file_head='Content-Type: text/html; charset=utf-8\nContent-Length: 6\nAccept-Ranges: bytes\n\n'

http_pipeline() {
	http_raw 'GET / HTTP/1.1\r\nHost: x\r\n\r\nHEAD /index.html?a=b HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\nhost: x\r\nContent-Length: 3 \r\n\r\nabcGET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n' \
		"HTTP/1.1 200 OK\n${file_head}hello\nHTTP/1.1 200 OK\n${file_head}HTTP/1.1 200 OK\nContent-Type: application/octet-stream\nContent-Length: 3\n\nabcHTTP/1.1 200 OK\nContent-Type: text/html; charset=utf-8\nConnection: close\nContent-Length: 6\nAccept-Ranges: bytes\n\nhello\n"
}

# http_status WANTED REQUEST
http_status() {
	printf "$2" | "$talk" "$port" | head -n 1 >got
	grep -q "^HTTP/1.1 $1 " got || { cat got; return 1; }
}

# What two readers might understand in two ways is not understood at all.
http_nonsense() {
	http_status 400 'nonsense\r\n\r\n' && http_status 400 'GET / HTTP/2.0\r\n\r\n' &&
		http_status 400 'GET / HTTP/1.1\r\n\r\n' && http_status 400 'GET x HTTP/1.1\r\nHost: x\r\n\r\n' &&
		http_status 400 'GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n' &&
		http_status 400 'GET / HTTP/1.1\r\nHost : x\r\n\r\n' &&
		http_status 400 'GET /%%zz HTTP/1.1\r\nHost: x\r\n\r\n' && http_status 400 'GET /a%%00b HTTP/1.1\r\nHost: x\r\n\r\n' &&
		http_status 400 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd' &&
		http_status 400 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n\r\n' &&
		http_status 400 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc' &&
		http_status 411 'POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' &&
		http_status 405 'DELETE / HTTP/1.1\r\nHost: x\r\n\r\n' &&
		http_status 413 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n' &&
		http_status 431 "GET / HTTP/1.1\r\nHost: $(head -c 20000 /dev/zero | tr '\0' x)\r\n\r\n"
}

http_inside() {
	for path in /link /../outside /%%2e%%2e/outside /sub/../../outside //etc/passwd; do
		printf "GET $path HTTP/1.1\r\nHost: x\r\n\r\n" | "$talk" "$port" >got
		grep -q '^HTTP/1.1 40[34] ' got && ! grep -q secret got || return
	done
	http_status 200 'GET /inner HTTP/1.1\r\nHost: x\r\n\r\n' && http_status 200 'GET /sub/../large HTTP/1.1\r\nHost: x\r\n\r\n' &&
		http_status 404 'GET /sub HTTP/1.1\r\nHost: x\r\n\r\n' && http_status 404 'GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n'
}

# range WANTED RANGE FIRST COUNT: a status, and bytes of the large file.
range() {
	printf "GET /large HTTP/1.1\r\nHost: x\r\nRange: bytes=$2\r\n\r\n" | "$talk" "$port" >all &&
		sed "1,/^$(printf '\r')\$/d" all >got && tail -c "+$3" root/large | head -c "$4" | cmp - got &&
		head -n 1 all | grep -q "^HTTP/1.1 $1 "
}

http_ranges() {
	size=$(wc -c <root/large)
	range 206 0-99 1 100 && range 206 1000-1000 1001 1 && range 206 "$((size - 7))-" "$((size - 6))" 7 &&
		range 206 -7 "$((size - 6))" 7 && range 206 "5-$((size + 5))" 6 "$size" && range 206 10000-1000000 10001 990001 &&
		range 206 "-$((size + 9))" 1 "$size" && range 200 5-4 1 "$size" && range 200 0-1,5-6 1 "$size" &&
		range 416 "$size-" 1 0 && range 416 -0 1 0
}

http_curl() {
	curl -sf "$url/large" | cmp - root/large && curl -sf "$url/inner" | cmp - root/sub/numbers.txt &&
		curl -sf "$url/empty" | cmp - root/empty && [ "$(curl -sf -o got -o got -w '%{num_connects}' "$url/" "$url/sub/numbers.txt")" = 10 ] &&
		date=$(curl -sfI "$url/large" | tr -d '\r' | sed -n 's/^Last-Modified: //p') &&
		[ "$(curl -s -o got -w '%{http_code}' -H "If-Modified-Since: $date" "$url/large")" = 304 ] &&
		head -c 1000000 root/large >body && curl -sf -H 'Expect: 100-continue' --data-binary @body "$url/echo" | cmp - body
}

# A request that was begun is finished after the SIGTERM; connections that are idle end.
http_ends() {
	mkfifo idle-http busy || return
	"$talk" "$port" <idle-http >idle.got &
	"$talk" "$port" <busy >busy.got &
	client=$!
	exec 3>idle-http 4>busy
	printf 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc' >&4
	printf 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n' >&3
	until [ -s idle.got ]; do sleep 0.05; done
	kill -TERM "$http" && sleep 0.2 && printf 'def' >&4 && wait "$http" && wait "$client"
	result=$?
	exec 3>&- 4>&-
	[ "$result" = 0 ] && [ "$(tail -n 1 busy.got)" = abcdef ]
}

tap_ok 'http-server listens' begin http-server --port 0 --shards 2 --root root
http=$server
url=http://127.0.0.1:$port
tap_ok 'http-server: requests in a row' http_pipeline
tap_ok 'http-server: nonsense is refused' http_nonsense
tap_ok 'http-server: nothing but what is in its folder' http_inside
tap_ok 'http-server: ranges' http_ranges
if command -v curl >/dev/null; then
	tap_ok 'http-server: curl' http_curl
else
	tap_skip 'http-server: curl' 'there is no curl'
fi

# The proxy, in front of it

http_port=$port
proxy_passes_on() {
	if command -v curl >/dev/null; then
		curl -sf "http://127.0.0.1:$port/large" | cmp - root/large || return
	fi
	file_head=$file_head http_pipeline
}

proxy_without_server() {
	begin tcp-proxy --listen 127.0.0.1:0 --to 127.0.0.1:1 && printf x | "$talk" "$port" >got
	[ ! -s got ] && end "$server"
}

tap_ok 'tcp-proxy listens' begin tcp-proxy --listen 127.0.0.1:0 --to "localhost:$http_port" --shards 2
proxy=$server
tap_ok 'tcp-proxy: both ways, each with its end' proxy_passes_on
tap_ok 'tcp-proxy ends at a SIGTERM' end "$proxy"
tap_ok 'tcp-proxy: nobody there' proxy_without_server
port=$http_port
tap_ok 'http-server ends at a SIGTERM' http_ends
tap_done
