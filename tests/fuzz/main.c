/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without libFuzzer: on each file of its corpus, and on variations of it that a seed
 * decides. A case that fails leaves its input in $TMPDIR and says how to run it again.
 *
 *	fuzz_NAME              the corpus of NAME, as TAP; PEAL_FUZZ_RUNS variations of each (2000),
 *	                       PEAL_FUZZ_SEED
 *	fuzz_NAME FILE...      these files, as they are
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_BYTES 65536

struct input {
	uint8_t bytes[INPUT_BYTES];
	size_t size;
};

static uint64_t state;

/* splitmix64 */
static uint32_t any(uint32_t below)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ (z >> 31)) % below);
}

static int read_input(const char *path, struct input *input)
{
	FILE *file = fopen(path, "rb");

	if (!file)
		return -errno;
	input->size = fread(input->bytes, 1, sizeof(input->bytes), file);
	fclose(file);
	return 0;
}

static void write_input(const char *path, const struct input *input)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(input->bytes, 1, input->size, file) != input->size || fclose(file))
		perror(path);
}

/* Takes a piece out, or doubles it. */
static void vary_size(struct input *input)
{
	size_t at = any((uint32_t)input->size), size = any((uint32_t)(input->size - at)) + 1;

	if (any(2)) {
		memmove(input->bytes + at, input->bytes + at + size, input->size - at - size);
		input->size -= size;
	} else if (input->size + size <= sizeof(input->bytes)) {
		memmove(input->bytes + at + size, input->bytes + at, input->size - at);
		input->size += size;
	}
}

static void vary_byte(struct input *input)
{
	static const char telling[] = " \n\t/:,.-0129\\\"'=%";
	uint8_t *byte = &input->bytes[any((uint32_t)input->size)];

	switch (any(3)) {
	case 0:
		*byte ^= (uint8_t)(1u << any(8));
		break;
	case 1:
		*byte = (uint8_t)any(256);
		break;
	default:
		*byte = (uint8_t)telling[any(sizeof(telling))]; /* and the terminator */
	}
}

/* A binary number, where sums overflow and comparisons turn. */
static void vary_number(struct input *input)
{
	static const uint64_t telling[] = { 0, 1, 8, 255, 4096, INT32_MAX, UINT32_MAX - 7,
		UINT32_MAX, INT64_MAX, UINT64_MAX - 7, UINT64_MAX };
	size_t size = (size_t)1 << any(4), places = input->size / size;

	if (places)
		memcpy(input->bytes + any((uint32_t)places) * size,
			&telling[any(sizeof(telling) / sizeof(telling[0]))], size);
}

static void vary(struct input *input)
{
	for (uint32_t n = any(6) + 1; n && input->size; n--) {
		switch (any(4)) {
		case 0:
			vary_size(input);
			break;
		case 1:
			vary_number(input);
			break;
		default:
			vary_byte(input);
		}
	}
}

static void run(const struct input *input)
{
	uint8_t *exact = malloc(input->size ? input->size : 1);

	fuzz_check(exact);
	memcpy(exact, input->bytes, input->size);
	LLVMFuzzerTestOneInput(exact, input->size);
	free(exact);
}

/* In the child: the input that is being run lies in `crash` when it dies. */
static void run_all(const struct input *original, const char *crash, long runs)
{
	static struct input input;

	for (long i = 0; i <= runs; i++) {
		input = *original;
		if (i)
			vary(&input);
		write_input(crash, &input);
		run(&input);
	}
	unlink(crash);
}

static int run_case(int number, const char *path, long runs)
{
	const char *folder = getenv("TMPDIR"), *name = strrchr(path, '/') + 1;
	static struct input input;
	char crash[PATH_MAX];
	int status = -1;
	pid_t child;

	snprintf(crash, sizeof(crash), "%s/peal-fuzz-crash-%s", folder ? folder : "/tmp", name);
	if (!read_input(path, &input)) {
		fflush(stdout);
		child = fork();
		if (!child) {
			run_all(&input, crash, runs);
			exit(0);
		}
		waitpid(child, &status, 0);
	}
	printf("%sok %d - %s\n", status ? "not " : "", number, name);
	if (status)
		printf("# the input is in %s (make check clears that: run it by hand)\n", crash);
	return status != 0;
}

static const char *target_name(const char *program)
{
	const char *name = strstr(program, "fuzz_");

	while (name && strstr(name + 1, "fuzz_"))
		name = strstr(name + 1, "fuzz_");
	return name ? name + strlen("fuzz_") : program;
}

static int run_corpus(const char *program)
{
	const char *top = getenv("PEAL_SRCDIR"), *runs = getenv("PEAL_FUZZ_RUNS");
	const char *seed = getenv("PEAL_FUZZ_SEED");
	char folder[PATH_MAX / 2], path[PATH_MAX];
	struct dirent **entries;
	int count, cases = 0;

	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", top ? top : ".",
		target_name(program));
	count = scandir(folder, &entries, NULL, alphasort);
	if (count < 0) {
		printf("Bail out! %s: %s\n", folder, strerror(errno));
		return 1;
	}
	for (int i = 0; i < count; i++) {
		state = seed ? strtoull(seed, NULL, 0) : 1;
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			run_case(++cases, path, runs ? atol(runs) : 2000);
		free(entries[i]);
	}
	free(entries);
	printf("1..%d\n", cases);
	return 0;
}

int main(int argc, char **argv)
{
	static struct input input;

	if (argc < 2)
		return run_corpus(argv[0]);
	for (int i = 1; i < argc; i++) {
		if (read_input(argv[i], &input)) {
			perror(argv[i]);
			return 1;
		}
		run(&input);
	}
	return 0;
}
