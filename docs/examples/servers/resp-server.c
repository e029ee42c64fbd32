/* SPDX-License-Identifier: MIT */
/*
 * A key-value server on all cores that speaks RESP2, Redis' protocol.
 *
 *	resp-server [--port N] [--shards N]
 *	redis-cli -p 6380 set answer 42
 *
 * Keys are divided among the shards by their hash. Each shard has a table of its own that no other one
 * touches, so there is no lock. A connection is a fiber on some shard. It takes all the commands that its
 * buffer holds, runs those whose keys are its own shard's at once, sends the others to their shards as
 * messages, and writes the answers when all are there: with 16 commands in a row, say, another shard is
 * woken once at most.
 *
 * GET SET DEL INCR MGET MSET EXPIRE TTL PING ECHO INFO COMMAND; also as plain lines, for people. A
 * command may be as long as the buffer, 64 KiB. Nothing is written to disk.
 */
#include <peal/buffered.h>
#include <peal/peal.h>

#include <getopt.h>
#include <stdio.h>
#include <strings.h>

#include "resp-store.h"

#define BUFFER   65536
#define COMMANDS 128 /* that are answered together */
#define PARTS    512 /* their keys */
#define RUN      1   /* the tag of messages: a part that the receiver is to run */

/* One key of a command, and what became of it. */
struct part {
	struct client *client;
	const struct verb *verb;
	uint64_t hash;
	struct slice key, argument;
	struct slice found; /* a copy, to be freed */
	int64_t number;
	const char *error;
};

struct command {
	const struct verb *verb;
	struct part *parts;
	int count;
	const char *error;
};

struct verb {
	const char *name;
	int least, most; /* words, its own included */
	int step;        /* from one key to the next; 0: there is one key, or none */
	void (*run)(struct store *store, struct part *part); /* on the key's shard */
	void (*answer)(struct peal_writer *out, const struct command *command);
	const char *text; /* the answer, if it is always the same */
};

struct client {
	struct peal_fd_stream tcp;
	struct peal_reader in;
	struct peal_writer out;
	atomic_int pending; /* parts that other shards have, and one while we send them */
	struct peal_semaphore answered;
	int command_count, part_count;
	struct command commands[COMMANDS];
	struct part parts[PARTS];
};

static struct store *stores; /* by shard */
static unsigned int shards;
static atomic_int clients;

static bool to_number(struct slice text, int64_t *number)
{
	char buf[24], *end;

	if (!text.size || text.size >= sizeof(buf) || text.data[0] == '+' || text.data[0] == ' ')
		return false;
	memcpy(buf, text.data, text.size);
	buf[text.size] = '\0';
	errno = 0;
	*number = strtoll(buf, &end, 10);
	return !errno && end == buf + text.size;
}

/* What commands do to a key, on its shard */

#define NO_NUMBER "ERR value is not an integer or out of range"
#define NO_MEMORY "OOM out of memory"

static void run_get(struct store *store, struct part *part)
{
	struct entry *entry = *store_find(store, part->key, part->hash);
	char *copy = entry ? malloc(entry->size + 1) : NULL;

	if (copy)
		part->found = (struct slice){ memcpy(copy, value_of(entry).data, entry->size),
			entry->size };
	else if (entry)
		part->error = NO_MEMORY;
}

static void run_set(struct store *store, struct part *part)
{
	if (store_put(store, part->key, part->hash, part->argument, PEAL_NEVER))
		part->error = NO_MEMORY;
}

static void run_del(struct store *store, struct part *part)
{
	struct entry **link = store_find(store, part->key, part->hash);

	part->number = *link != NULL;
	if (*link)
		store_remove(store, link);
}

static void run_incr(struct store *store, struct part *part)
{
	struct entry *entry = *store_find(store, part->key, part->hash);
	int64_t expires = entry ? entry->expires : PEAL_NEVER;
	char text[24];
	int n;

	if (entry && !to_number(value_of(entry), &part->number))
		part->error = NO_NUMBER;
	else if (part->number == INT64_MAX)
		part->error = "ERR increment or decrement would overflow";
	if (part->error)
		return;
	n = snprintf(text, sizeof(text), "%lld", (long long)++part->number);
	if (store_put(store, part->key, part->hash, (struct slice){ text, (size_t)n }, expires))
		part->error = NO_MEMORY;
}

static void run_expire(struct store *store, struct part *part)
{
	struct entry *entry = *store_find(store, part->key, part->hash);
	int64_t seconds;

	if (!to_number(part->argument, &seconds) || llabs(seconds) > INT64_MAX / PEAL_S)
		part->error = NO_NUMBER;
	else if (entry)
		entry->expires = peal_in(seconds * PEAL_S);
	part->number = entry != NULL;
}

static void run_ttl(struct store *store, struct part *part)
{
	struct entry *entry = *store_find(store, part->key, part->hash);

	part->number = entry ? -1 : -2;
	if (entry && entry->expires != PEAL_NEVER)
		part->number = (entry->expires - peal_now() + PEAL_S / 2) / PEAL_S;
}

static void answer_sum(struct peal_writer *out, const struct command *command)
{
	long long sum = 0;

	for (int i = 0; i < command->count; i++)
		sum += command->parts[i].number;
	peal_writer_printf(out, ":%lld\r\n", sum);
}

static void write_bulk(struct peal_writer *out, struct slice text)
{
	peal_writer_printf(out, "$%zu\r\n", text.size);
	peal_writer_write(out, text.data, text.size);
	peal_writer_write(out, "\r\n", 2);
}

static void answer_values(struct peal_writer *out, const struct command *command)
{
	if (command->verb->step)
		peal_writer_printf(out, "*%d\r\n", command->count);
	for (int i = 0; i < command->count; i++) {
		if (command->parts[i].found.data)
			write_bulk(out, command->parts[i].found);
		else
			peal_writer_write(out, "$-1\r\n", 5);
	}
}

static void answer_text(struct peal_writer *out, const struct command *command)
{
	if (command->parts[0].key.data)
		write_bulk(out, command->parts[0].key);
	else
		peal_writer_write(out, "+PONG\r\n", 7);
}

static void answer_info(struct peal_writer *out, const struct command *command)
{
	char text[256];
	size_t keys = 0;
	int n;

	(void)command;
	for (unsigned int i = 0; i < shards; i++)
		keys += stores[i].keys;
	n = snprintf(text, sizeof(text),
		"# Server\r\nbackend:%s\r\nshards:%u\r\n# Clients\r\nconnected_clients:%d\r\n"
		"# Keyspace\r\ndb0:keys=%zu\r\n",
		peal_rt_backend(peal_rt_current()), shards, clients, keys);
	write_bulk(out, (struct slice){ text, (size_t)n });
}

static const struct verb verbs[] = {
	{ "get", 2, 2, 0, run_get, answer_values },
	{ "set", 3, 3, 0, run_set, NULL, "+OK\r\n" },
	{ "incr", 2, 2, 0, run_incr, answer_sum },
	{ "del", 2, PARTS, 1, run_del, answer_sum },
	{ "mget", 2, PARTS, 1, run_get, answer_values },
	{ "mset", 3, PARTS, 2, run_set, NULL, "+OK\r\n" },
	{ "expire", 3, 3, 0, run_expire, answer_sum },
	{ "ttl", 2, 2, 0, run_ttl, answer_sum },
	{ "ping", 1, 2, 0, NULL, answer_text },
	{ "echo", 2, 2, 0, NULL, answer_text },
	{ "info", 1, 2, 0, NULL, answer_info },
	{ "command", 1, PARTS, 0, NULL, NULL, "*0\r\n" },
};

static const struct verb *find_verb(struct slice name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strncasecmp(name.data, verbs[i].name, name.size) && !verbs[i].name[name.size])
			return &verbs[i];
	return NULL;
}

/* Taking commands apart. How many bytes one has; 0: there is more to come; -EPROTO: it is none. */

/* "$5\r\n" */
static ssize_t parse_number(const char *data, size_t size, char kind, int64_t *number)
{
	const char *end = memchr(data, '\n', size);

	if (size && data[0] != kind)
		return -EPROTO;
	if (!end)
		return size > 24 ? -EPROTO : 0;
	if (end - data < 3 ||
		!to_number((struct slice){ data + 1, (size_t)(end - data) - 2 }, number))
		return -EPROTO;
	return *number < 0 ? -EPROTO : end - data + 1;
}

/* "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" */
static ssize_t parse_array(const char *data, size_t size, struct slice *words, int *count)
{
	int64_t expected, length;
	ssize_t n = parse_number(data, size, '*', &expected);
	size_t at = (size_t)n;

	if (n > 0 && expected > PARTS)
		return -EPROTO;
	for (; n > 0 && *count < expected; ++*count) {
		n = parse_number(data + at, size - at, '$', &length);
		if (n <= 0)
			break;
		at += (size_t)n;
		if (length > BUFFER)
			return -EPROTO;
		if (size - at < (size_t)length + 2)
			return 0;
		words[*count] = (struct slice){ data + at, (size_t)length };
		at += (size_t)length + 2;
	}
	return n > 0 ? (ssize_t)at : n;
}

static ssize_t parse(const char *data, size_t size, struct slice *words, int *count)
{
	const char *end = memchr(data, '\n', size), *at = data;

	*count = 0;
	if (data[0] == '*')
		return parse_array(data, size, words, count);
	while (end && at < end && *count < PARTS) {
		size_t length = strcspn(at, " \t\r\n");

		if (length)
			words[(*count)++] = (struct slice){ at, length };
		at += length + 1;
	}
	return end ? end - data + 1 : 0;
}

static void on_run(const struct peal_msg *msg, void *arg)
{
	struct part *part = (struct part *)(uintptr_t)msg->value;
	struct client *client = part->client;

	part->verb->run(arg, part);
	if (atomic_fetch_sub(&client->pending, 1) == 1)
		peal_semaphore_release(&client->answered, 1);
}

static void run_part(struct client *client, struct part *part)
{
	unsigned int owner = (unsigned int)((part->hash >> 32) * shards >> 32);

	if (owner == (unsigned int)peal_shard()) {
		part->verb->run(&stores[owner], part);
		return;
	}
	atomic_fetch_add(&client->pending, 1);
	if (peal_msg_send(owner, RUN, (uintptr_t)part)) {
		atomic_fetch_sub(&client->pending, 1);
		part->error = "ERR the server is ending";
	}
}

static void begin_command(struct client *client, const struct slice *words, int count)
{
	struct command *command = &client->commands[client->command_count++];
	const struct verb *verb = find_verb(words[0]);
	int at = 1;

	*command = (struct command){ .verb = verb, .parts = &client->parts[client->part_count] };
	if (!verb)
		command->error = "ERR unknown command";
	else if (count < verb->least || count > verb->most || (verb->step == 2 && count % 2 == 0))
		command->error = "ERR wrong number of arguments";
	else
		do {
			struct part *part = &client->parts[client->part_count++];

			*part = (struct part){ .client = client, .verb = verb };
			if (at < count)
				part->key = words[at];
			if (at + 1 < count)
				part->argument = words[at + 1];
			part->hash = hash_of(part->key);
			command->count++;
			if (verb->run)
				run_part(client, part);
		} while (verb->step && (at += verb->step) < count);
}

/* As many as there are, and as there is room for. How many bytes they have, or -EPROTO. At the end *want is
 * how many bytes there must be before there can be another one. */
static ssize_t begin_commands(struct client *client, const char *data, size_t size, size_t *want)
{
	struct slice words[PARTS];
	size_t used = 0;
	int count;

	client->command_count = client->part_count = 0;
	*want = 1;
	while (used < size && client->command_count < COMMANDS) {
		ssize_t n = parse(data + used, size - used, words, &count);

		if (n < 0)
			return n;
		if (!n)
			*want = size - used + 1;
		if (!n || client->part_count + count > PARTS)
			break;
		if (count)
			begin_command(client, words, count);
		used += (size_t)n;
	}
	return (ssize_t)used;
}

static void answer(struct peal_writer *out, const struct command *command)
{
	const char *error = command->error;

	for (int i = 0; i < command->count && !error; i++)
		error = command->parts[i].error;
	if (error)
		peal_writer_printf(out, "-%s\r\n", error);
	else if (command->verb->text)
		peal_writer_write(out, command->verb->text, strlen(command->verb->text));
	else
		command->verb->answer(out, command);
	for (int i = 0; i < command->count; i++)
		free((void *)command->parts[i].found.data);
}

static ssize_t serve_commands(struct client *client, const char *data, size_t size, size_t *want)
{
	ssize_t used;

	client->pending = 1;
	used = begin_commands(client, data, size, want);
	/* The other shards look into our buffer: whatever happens, they are waited for. */
	if (atomic_fetch_sub(&client->pending, 1) > 1)
		PEAL_SCOPE (shield, .shield = 1)
			peal_semaphore_acquire(&client->answered, 1);
	for (int i = 0; i < client->command_count; i++)
		answer(&client->out, &client->commands[i]);
	return used;
}

static int serve_client(struct client *client)
{
	size_t want = 1;
	ssize_t n = 0;
	char *data;

	while (n >= 0) {
		/* The answers leave together, when there is nothing more to answer. */
		if (peal_reader_buffered(&client->in) < want)
			n = peal_writer_flush(&client->out);
		if (n < 0)
			break;
		PEAL_SCOPE (idle, .until_drain = 1)
			n = peal_reader_peek(&client->in, &data, want);
		if (n < 0 ? peal_draining() : (size_t)n < want)
			return 0;
		if (n > 0)
			n = serve_commands(client, data, (size_t)n, &want);
		if (n >= 0)
			n = peal_reader_consume(&client->in, (size_t)n);
	}
	if (n == -EPROTO || n == -EMSGSIZE) {
		peal_writer_printf(&client->out, "-ERR Protocol error\r\n");
		peal_writer_flush(&client->out);
		/* It is to be read before the peer hears that we did not read all it has sent. */
		peal_shutdown(client->tcp.out, SHUT_WR);
		PEAL_WITHIN (PEAL_S)
			peal_reader_skip(&client->in, 16 * BUFFER);
	}
	return (int)n;
}

static int serve(int fd, void *arg)
{
	struct client *client = calloc(1, sizeof(*client));
	int err = -ENOMEM;

	(void)arg;
	clients++;
	peal_set_nodelay(fd, true);
	if (client) {
		peal_fd_stream(&client->tcp, fd);
		if (!peal_reader_init(&client->in, &client->tcp.stream, NULL, BUFFER) &&
			!peal_writer_init(&client->out, &client->tcp.stream, NULL, 0))
			err = serve_client(client);
		peal_reader_end(&client->in);
		peal_writer_end(&client->out);
		free(client);
	}
	clients--;
	peal_close(fd);
	return err;
}

/* The server */

static int prepare_shard(void *arg)
{
	struct store *store = &stores[peal_shard()];

	(void)arg;
	return store_open(store) ?: peal_msg_handle(RUN, on_run, store);
}

static int main_task(void *arg)
{
	int listener = peal_tcp_listen(arg, NULL), result = 0, err = listener < 0 ? listener : 0;

	shards = peal_rt_shards(peal_rt_current());
	stores = calloc(shards, sizeof(*stores));
	for (unsigned int i = 0; stores && i < shards && !err; i++)
		err = peal_call(i, prepare_shard, NULL, &result) ?: result;
	if (!stores || err)
		return err ? err : -ENOMEM;
	printf("resp-server listens on 127.0.0.1:%d\n", peal_tcp_port(listener));
	fflush(stdout);
	return peal_serve(listener, serve, NULL, PEAL_SERVE(.name = "client"));
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "port", required_argument, NULL, 'p' },
		{ "shards", required_argument, NULL, 's' }, { 0 } };
	struct peal_rt_opts opts = { .size = sizeof(opts), .drain_on_signal = true };
	char address[32] = "127.0.0.1:6380";
	int c, err;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			snprintf(address, sizeof(address), "127.0.0.1:%s", optarg);
		else if (c == 's')
			opts.shards = (uint32_t)atoi(optarg);
		else
			return 2;
	}
	err = peal_run(main_task, address, &opts);
	if (err < 0)
		fprintf(stderr, "resp-server: %s\n", strerror(-err));
	return err < 0;
}
