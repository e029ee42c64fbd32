/* SPDX-License-Identifier: MIT */
/*
 * Signals as streams: SIGHUP reloads, the first SIGTERM drains, and a second one would kill. (The program
 * sends them to itself.)
 *
 * Prints:
 *	configuration 1
 *	configuration 2
 *	SIGTERM: what was begun is finished
 *	nothing more to reload
 *	ended
 */
#include <peal/peal.h>
#include <peal/plugins/signal.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int reload_on_sighup(void *arg)
{
	struct peal_signal_stream *signals = arg;
	struct peal_signal_event event;
	int version = 1, err;

	printf("configuration %d\n", version);
	kill(getpid(), SIGHUP);
	while (!(err = peal_signal_next(signals, &event))) {
		printf("configuration %d\n", ++version);
		kill(getpid(), SIGTERM);
	}
	peal_signal_close(signals);
	if (err == -ESHUTDOWN) /* the runtime drains */
		printf("nothing more to reload\n");
	return 0;
}

static int drain_on_sigterm(struct peal_signal_stream *signals)
{
	struct peal_signal_event event;
	int err = peal_signal_next(signals, &event);

	peal_signal_close(signals); /* from here on another one kills */
	if (err)
		return err;
	printf("SIGTERM: what was begun is finished\n");
	peal_rt_drain(peal_rt_current());
	return 0;
}

static int main_task(void *arg)
{
	struct peal_signal_stream *hup, *term;
	struct peal_reason reason;
	int err = peal_plugin_load("signal", NULL, &reason);

	(void)arg;
	if (err) {
		fprintf(stderr, "%s\n", reason.text);
		return err;
	}
	err = peal_signal_open(&hup, PEAL_SIGNAL_BIT(SIGHUP), NULL);
	if (!err)
		err = peal_signal_open(&term, PEAL_SIGNAL_BIT(SIGTERM), NULL);
	if (!err)
		err = peal_spawn(reload_on_sighup, hup, NULL);
	return err ? err : drain_on_sigterm(term);
}

int main(void)
{
	int err = peal_run(main_task, NULL, NULL);

	if (!err)
		printf("ended\n");
	return err < 0;
}
