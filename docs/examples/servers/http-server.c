/* SPDX-License-Identifier: MIT */
/*
 * An HTTP/1.1 server on all cores: the files below a folder, and an echo.
 *
 *	http-server [--port N] [--root DIR] [--shards N]
 *	curl http://127.0.0.1:8080/index.html
 *	curl --data-binary @file http://127.0.0.1:8080/echo
 *
 * GET and HEAD with ranges and If-Modified-Since, POST /echo. Requests may come in a row: the answers come
 * in order, and leave together. A SIGTERM lets requests that have begun finish, and ends connections that
 * are idle. The kernel resolves paths, and lets none leave the folder, by dots, links or otherwise.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <peal/buffered.h>
#include <peal/peal.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#define SMALL     16384         /* such files are sent with the head of their answer */
#define BODY_MOST (1024 * 1024) /* of POST /echo */
#define IDLE      (60 * PEAL_S) /* between two requests */
#define PATIENCE  (20 * PEAL_S) /* with what comes, or goes, slowly */

static int root; /* the folder */

struct connection {
	int fd;
	struct peal_fd_stream tcp;
	struct peal_reader in;
	struct peal_writer out;
};

/* Text is in the reader's buffer until the answer is begun; "" where there is none. */
struct request {
	const char *method, *path, *range, *since;
	long long length; /* of the body; -1: there is none */
	bool host, close, expects, chunked;
};

struct file {
	int fd;
	long long size;
	const char *type;
	char modified[32];
};

struct range {
	long long start, size;
};

/* Requests */

static bool is(const struct request *request, const char *method)
{
	return !strcmp(request->method, method);
}

/* "%41" and so on, in place. False for what cannot be a path. */
static bool decode(char *text)
{
	char *to = text;

	for (; *text; text++, to++) {
		*to = *text;
		if (*text != '%')
			continue;
		if (!isxdigit(text[1]) || !isxdigit(text[2]) ||
			sscanf(text + 1, "%2hhx", to) != 1 || !*to)
			return false;
		text += 2;
	}
	*to = '\0';
	return true;
}

/* False when it makes no sense. */
static bool take_header(struct request *request, const char *name, const char *value)
{
	long long length = request->length;
	int end = 0;

	if (!strcasecmp(name, "host"))
		request->host = true;
	else if (!strcasecmp(name, "range"))
		request->range = value;
	else if (!strcasecmp(name, "if-modified-since"))
		request->since = value;
	else if (!strcasecmp(name, "expect"))
		request->expects = !strcasecmp(value, "100-continue");
	else if (!strcasecmp(name, "transfer-encoding"))
		request->chunked = true;
	else if (!strcasecmp(name, "connection"))
		request->close |= !strcasecmp(value, "close");
	else if (!strcasecmp(name, "content-length"))
		return sscanf(value, "%18lld%n", &request->length, &end) == 1 && !value[end] &&
			request->length >= 0 && (length < 0 || length == request->length);
	return true;
}

/* "GET /path?query HTTP/1.1" */
static int take_first_line(struct request *request, char *line)
{
	char *path = strchr(line, ' '), *version = path ? strrchr(line, ' ') : NULL;

	if (!path || version == path || path[1] != '/' || strncmp(version, " HTTP/1.", 8) != 0)
		return 400;
	*path++ = *version = '\0';
	path[strcspn(path, "?#")] = '\0';
	request->method = line;
	request->path = path;
	request->close = version[8] == '0';
	return decode(path) ? 0 : 400;
}

static int take_headers(struct request *request, char *line, const char *end)
{
	while (line < end) {
		char *next = strstr(line, "\r\n"), *value = strchr(line, ':'), *last = next;

		/* No header, or one that goes on from the line before? */
		if (!value || value == line || strcspn(line, " \t\r") < (size_t)(value - line))
			return 400;
		while (last[-1] == ' ' || last[-1] == '\t')
			last--;
		*last = *value++ = '\0';
		if (!take_header(request, line, value + strspn(value, " \t")))
			return 400;
		line = next + 2;
	}
	/* How long the body is must be said once, or somebody is being deceived. */
	if (!request->host || (request->chunked && request->length >= 0))
		return 400;
	return request->chunked ? 411 : 0;
}

/* 0 and the request; a status when it makes no sense; or a negative errno, and -ENODATA at the end. */
static int read_request(struct connection *connection, struct request *request)
{
	char *head, *line_end;
	size_t size = 0;
	int status, n = 0;

	*request = (struct request){ .method = "", .range = "", .since = "", .length = -1 };
	PEAL_WITHIN (PATIENCE)
		n = peal_reader_until(&connection->in, "\r\n\r\n", 4, &head, &size, 0);
	if (n == -EMSGSIZE)
		return 431;
	if (n <= 0)
		return n < 0 ? n : -ENODATA;
	if (memchr(head, '\0', size))
		return 400;
	head[size - 2] = '\0';
	line_end = strstr(head, "\r\n");
	*line_end = '\0';
	status = take_first_line(request, head);
	return status ? status : take_headers(request, line_end + 2, head + size - 2);
}

static const char *reason_of(int status)
{
	static const char *const reasons[] = { [200] = "OK",
		[206] = "Partial Content",
		[304] = "Not Modified",
		[400] = "Bad Request",
		[403] = "Forbidden",
		[404] = "Not Found",
		[405] = "Method Not Allowed",
		[411] = "Length Required",
		[413] = "Content Too Large",
		[416] = "Range Not Satisfiable",
		[431] = "Request Header Fields Too Large",
		[500] = "Internal Server Error" };

	return reasons[status];
}

static void http_date(char text[32], time_t seconds)
{
	struct tm tm;

	strftime(text, 32, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&seconds, &tm));
}

/* Made anew once a second on each shard, whose thread a fiber does not leave. */
static const char *date_now(void)
{
	static _Thread_local time_t made;
	static _Thread_local char text[32];

	if (time(NULL) != made)
		http_date(text, made = time(NULL));
	return text;
}

static void begin_answer(struct connection *connection, const struct request *request, int status,
	const char *type, long long length)
{
	peal_writer_printf(&connection->out,
		"HTTP/1.1 %d %s\r\nServer: peal\r\nDate: %s\r\nContent-Type: %s\r\n%s", status,
		reason_of(status), date_now(), type, request->close ? "Connection: close\r\n" : "");
	if (status != 304)
		peal_writer_printf(&connection->out, "Content-Length: %lld\r\n", length);
}

static int answer_status(struct connection *connection, const struct request *request, int status)
{
	const char *text = reason_of(status);
	int length = (int)strlen(text);

	begin_answer(connection, request, status, "text/plain", length);
	peal_writer_printf(&connection->out, "\r\n%.*s", is(request, "HEAD") ? 0 : length, text);
	return 0;
}

/* Files */

static const char *type_of(const char *path)
{
	static const char *const types[][2] = { { ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css" }, { ".js", "text/javascript" }, { ".png", "image/png" },
		{ ".svg", "image/svg+xml" }, { ".txt", "text/plain; charset=utf-8" } };
	const char *suffix = strrchr(path, '.');

	for (size_t i = 0; suffix && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcasecmp(suffix, types[i][0]))
			return types[i][1];
	return "application/octet-stream";
}

static int status_of(int err)
{
	if (err == -ENOENT || err == -ENOTDIR || err == -ENAMETOOLONG || err == -ELOOP)
		return 404;
	return err == -EACCES || err == -EXDEV ? 403 : 500; /* the latter leads out of the folder */
}

/* 0 and the file; or a status. */
static int open_file(struct file *file, const char *path)
{
	const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	bool is_folder = path[strlen(path) - 1] == '/';
	char name[PEAL_BUFFER_BYTES];
	struct statx st;
	int err;

	snprintf(name, sizeof(name), "./%s%s", path, is_folder ? "index.html" : "");
	file->fd = peal_openat2(root, name, &how);
	if (file->fd < 0)
		return status_of(file->fd);
	err = peal_statx(file->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st);
	if (err || !S_ISREG(st.stx_mode)) {
		peal_close(file->fd);
		return err ? status_of(err) : 404;
	}
	file->size = (long long)st.stx_size;
	file->type = type_of(name);
	http_date(file->modified, st.stx_mtime.tv_sec);
	return 0;
}

/*
 * "bytes=0-499", "bytes=500-", "bytes=-500". 206 and what is wanted; 416; or 200, also for what may be
 * ignored: several ranges, another unit.
 */
static int take_range(const struct request *request, const struct file *file, struct range *range)
{
	const char *text = request->range;
	long long first = -1, last = -1;
	int end = 0;

	*range = (struct range){ 0, file->size };
	if (!is(request, "GET") || strncmp(text, "bytes=", 6) != 0 || strchr(text, ','))
		return 200;
	if (sscanf(text, "bytes=-%lld%n", &last, &end) == 1 && !text[end] && last >= 0) {
		first = last < file->size ? file->size - last : 0;
		last = last ? file->size - 1 : -1;
	} else if (sscanf(text, "bytes=%lld-%lld%n", &first, &last, &end) == 2 && !text[end]) {
		first = last < first ? -1 : first;
	} else if (sscanf(text, "bytes=%lld-%n", &first, &end) == 1 && end && !text[end]) {
		last = file->size - 1;
	} else {
		return 200;
	}
	if (first < 0)
		return 200;
	if (first >= file->size || last < 0)
		return 416;
	range->start = first;
	range->size = (last < file->size ? last + 1 : file->size) - first;
	return 206;
}

static int send_small(struct connection *connection, int file, const struct range *range)
{
	char bytes[SMALL];
	ssize_t n = peal_pread(file, bytes, (size_t)range->size, range->start);

	if (n == range->size)
		n = peal_writer_write(&connection->out, bytes, (size_t)n);
	else if (n >= 0)
		n = -EIO; /* it has become shorter: the length was promised */
	return n < 0 ? (int)n : 0;
}

static int send_large(struct connection *connection, int file, const struct range *range)
{
	ssize_t n = PEAL_WITHIN_GET(PATIENCE, peal_writer_flush(&connection->out));
	int64_t at = range->start, left = range->size;

	for (; left > 0 && n >= 0; left -= n) {
		size_t most = left < BODY_MOST ? (size_t)left : BODY_MOST;

		n = PEAL_WITHIN_GET(PATIENCE, peal_sendfile(connection->fd, file, &at, most));
		if (!n)
			n = -EIO;
	}
	return n < 0 ? (int)n : 0;
}

static void write_head(struct connection *connection, const struct request *request, int status,
	const struct file *file, const struct range *range)
{
	struct peal_writer *out = &connection->out;

	begin_answer(connection, request, status, file->type, range->size);
	peal_writer_printf(out, "Last-Modified: %s\r\nAccept-Ranges: bytes\r\n", file->modified);
	if (status == 206)
		peal_writer_printf(out, "Content-Range: bytes %lld-%lld/%lld\r\n", range->start,
			range->start + range->size - 1, file->size);
	if (status == 416)
		peal_writer_printf(out, "Content-Range: bytes */%lld\r\n", file->size);
	peal_writer_write(out, "\r\n", 2);
}

static int answer_file(struct connection *connection, const struct request *request)
{
	struct range range;
	struct file file;
	int status = open_file(&file, request->path), err = 0;

	if (status)
		return answer_status(connection, request, status);
	status = take_range(request, &file, &range);
	if (!strcmp(request->since, file.modified))
		status = 304;
	if (status == 304 || status == 416)
		range.size = 0;
	write_head(connection, request, status, &file, &range);
	if (range.size && !is(request, "HEAD"))
		err = range.size <= SMALL ? send_small(connection, file.fd, &range)
					  : send_large(connection, file.fd, &range);
	peal_close(file.fd);
	return err;
}

static int answer_echo(struct connection *connection, const struct request *request)
{
	size_t length = request->length > 0 ? (size_t)request->length : 0;
	char *body = malloc(length + 1);
	ssize_t n = body ? 0 : -ENOMEM;

	if (body && request->expects)
		peal_writer_printf(&connection->out, "HTTP/1.1 100 Continue\r\n\r\n");
	if (body && length)
		n = PEAL_WITHIN_GET(
			PATIENCE, peal_reader_read_exact(&connection->in, body, length));
	if (n == (ssize_t)length) {
		begin_answer(connection, request, 200, "application/octet-stream", n);
		peal_writer_write(&connection->out, "\r\n", 2);
		n = PEAL_WITHIN_GET(PATIENCE, peal_writer_write(&connection->out, body, length));
	} else if (n >= 0) {
		n = -EPROTO;
	}
	free(body);
	return n < 0 ? (int)n : 0;
}

/* A body that nobody wants ends the connection. */
static int answer(struct connection *connection, struct request *request)
{
	bool echo = is(request, "POST") && !strcmp(request->path, "/echo");

	if (echo && request->length <= BODY_MOST)
		return answer_echo(connection, request);
	request->close |= request->length > 0;
	if (is(request, "GET") || is(request, "HEAD"))
		return answer_file(connection, request);
	return answer_status(connection, request, echo ? 413 : 405);
}

/* The peer is to read the answer before it hears that we did not read all it has sent. */
static void linger(struct connection *connection)
{
	peal_shutdown(connection->fd, SHUT_WR);
	PEAL_WITHIN (PEAL_S)
		peal_reader_skip(&connection->in, BODY_MOST);
}

/* 1 when another request may follow. */
static int serve_request(struct connection *connection)
{
	struct request request;
	int status = read_request(connection, &request), err;

	if (status < 0)
		return status == -ENODATA ? 0 : status;
	request.close |= status > 0 || peal_draining();
	err = status ? answer_status(connection, &request, status) : answer(connection, &request);
	if (!err && (request.close || !peal_reader_buffered(&connection->in)))
		err = PEAL_WITHIN_GET(PATIENCE, peal_writer_flush(&connection->out));
	if (!err && request.close)
		linger(connection);
	return err ? err : !request.close;
}

static int serve_requests(struct connection *connection)
{
	for (;;) {
		ssize_t n = 0;
		char *data;

		PEAL_SCOPE (idle, .until_drain = 1, .deadline = peal_in(IDLE))
			n = peal_reader_peek(&connection->in, &data, 1);
		if (n <= 0)
			return 0; /* the peer has gone, was idle too long, or we are to end */
		n = serve_request(connection);
		if (n <= 0)
			return (int)n;
	}
}

static int serve(int fd, void *arg)
{
	struct connection connection = { .fd = fd };
	int err;

	(void)arg;
	peal_set_nodelay(fd, true);
	peal_fd_stream(&connection.tcp, fd);
	err = peal_reader_init(&connection.in, &connection.tcp.stream, NULL, 0)
		?: peal_writer_init(&connection.out, &connection.tcp.stream, NULL, 0);
	peal_reader_tie(&connection.in, &connection.out);
	if (!err)
		err = serve_requests(&connection);
	peal_reader_end(&connection.in);
	peal_writer_end(&connection.out);
	peal_close(fd);
	return err;
}

static int main_task(void *arg)
{
	int listener = peal_tcp_listen(arg, NULL);

	if (listener < 0)
		return listener;
	printf("http-server listens on 127.0.0.1:%d\n", peal_tcp_port(listener));
	fflush(stdout);
	return peal_serve(listener, serve, NULL, PEAL_SERVE(.name = "connection"));
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "port", 1, NULL, 'p' }, { "root", 1, NULL, 'r' },
		{ "shards", 1, NULL, 's' }, { 0 } };
	struct peal_rt_opts opts = { .size = sizeof(opts), .drain_on_signal = true };
	char address[32] = "127.0.0.1:8080";
	const char *folder = ".";
	int c, err;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			snprintf(address, sizeof(address), "127.0.0.1:%s", optarg);
		else if (c == 'r')
			folder = optarg;
		else if (c == 's')
			opts.shards = (uint32_t)atoi(optarg);
		else
			return 2;
	}
	root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = root < 0 ? -errno : peal_run(main_task, address, &opts);
	if (err < 0)
		fprintf(stderr, "http-server: %s\n", strerror(-err));
	return err < 0;
}
