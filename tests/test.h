/*
 * test.h - asserts for tests; always on, also in release builds.
 *
 * A test is a function whose name is a sentence; main() gives each to RUN and
 * ends with `return test_report();`.  The first failure ends the program.
 */
#ifndef VV_TEST_H
#define VV_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond) ((cond) ? (void)0 : test_die(__FILE__, __LINE__, #cond))
#define CHECK_INT(got, want) \
	test_int(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
#define CHECK_STR(got, want) test_str(__FILE__, __LINE__, #got, (got), (want))
#define RUN(fn) (fn(), test_passed++, printf("ok %u - %s\n", test_passed, #fn))

static unsigned test_passed;

static inline void test_die(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
	exit(1);
}

static inline void test_int(const char *file, int line, const char *what, long long got,
			    long long want)
{
	if (got == want)
		return;
	fprintf(stderr, "%s:%d: %s is %lld, want %lld\n", file, line, what, got, want);
	exit(1);
}

static inline void test_str(const char *file, int line, const char *what,
			    const char *got, const char *want)
{
	if (got && strcmp(got, want) == 0)
		return;
	fprintf(stderr, "%s:%d: %s is \"%s\", want \"%s\"\n", file, line, what,
		got ? got : "(null)", want);
	exit(1);
}

static inline int test_report(void)
{
	printf("%u passed, 0 failed\n", test_passed);
	return 0;
}

/*
 * Sanitizers look for other things than schedules, and are slow: of those, every
 * TEST_STRIDE-th will do.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_STRIDE 5
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define TEST_STRIDE 5
#endif
#endif
#ifndef TEST_STRIDE
#define TEST_STRIDE 1
#endif

#endif
