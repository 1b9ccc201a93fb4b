#include "os/console.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void on_stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

void vv_console_start(int *argc, char ***argv)
{
	(void)argc; /* bytes already */
	(void)argv;
}

bool vv_console_is_watched(void)
{
	return isatty(STDERR_FILENO);
}

void vv_console_catch_stop(void)
{
	struct sigaction action = { .sa_handler = on_stop,
				    .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool vv_console_stopped(void)
{
	return stopped;
}
