#include "os/windows/handle.h"

#include "core/err.h"
#include "os/windows/winerror.h"

#include <stdbool.h>

#include <windows.h>

enum {
	STEP_MAX = 1 << 30, /* bytes one call can do */
	TICKS_PER_SECOND = 10000000,
	NS_PER_TICK = 100,
};

#define SECONDS_1601_TO_1970 INT64_C(11644473600)

static bool is_range(uint64_t off, size_t len)
{
	return off <= INT64_MAX && len <= INT64_MAX - off;
}

static OVERLAPPED at_offset(uint64_t off)
{
	return (OVERLAPPED){
		.Offset = (DWORD)(off & 0xffffffff),
		.OffsetHigh = (DWORD)(off >> 32),
	};
}

static DWORD step(size_t left)
{
	return left < STEP_MAX ? (DWORD)left : STEP_MAX;
}

int vv_handle_read(void *handle, void *buf, size_t len, uint64_t off, size_t *got)
{
	size_t done = 0;

	*got = 0;
	if (!is_range(off, len))
		return VV_EINVAL;
	while (done < len) {
		OVERLAPPED at = at_offset(off + done);
		DWORD n = 0;

		if (!ReadFile(handle, (char *)buf + done, step(len - done), &n, &at)) {
			if (GetLastError() == ERROR_HANDLE_EOF)
				break;
			return vv_err_last();
		}
		if (n == 0)
			break;
		done += n;
	}
	*got = done;
	return VV_OK;
}

int vv_handle_write(void *handle, const void *bytes, size_t len, uint64_t off)
{
	size_t done = 0;

	if (!is_range(off, len))
		return VV_EFBIG;
	while (done < len) {
		OVERLAPPED at = at_offset(off + done);
		DWORD n = 0;

		if (!WriteFile(handle, (const char *)bytes + done, step(len - done), &n,
			       &at))
			return vv_err_last();
		done += n;
	}
	return VV_OK;
}

int vv_handle_append(void *handle, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len > 0) {
		DWORD n = 0;

		if (!WriteFile(handle, p, step(len), &n, NULL))
			return vv_err_last();
		p += n;
		len -= n;
	}
	return VV_OK;
}

void vv_timespec_from_filetime(int64_t ticks, int64_t *sec, uint32_t *nsec)
{
	int64_t whole = ticks / TICKS_PER_SECOND, part = ticks % TICKS_PER_SECOND;

	if (part < 0) {
		part += TICKS_PER_SECOND;
		whole--;
	}
	*sec = whole - SECONDS_1601_TO_1970;
	*nsec = (uint32_t)part * NS_PER_TICK;
}

int64_t vv_ns_from_filetime(int64_t ticks)
{
	const int64_t start = SECONDS_1601_TO_1970 * TICKS_PER_SECOND;

	if (ticks < 0 || ticks - start > INT64_MAX / NS_PER_TICK)
		return ticks < 0 ? INT64_MIN : INT64_MAX;
	if (ticks - start < INT64_MIN / NS_PER_TICK)
		return INT64_MIN;
	return (ticks - start) * NS_PER_TICK;
}

int64_t vv_filetime_from_timespec(int64_t sec, uint32_t nsec)
{
	if (sec <= -SECONDS_1601_TO_1970)
		return 1; /* 0 and below mean "leave it" to Windows */
	if (sec > INT64_MAX / TICKS_PER_SECOND - SECONDS_1601_TO_1970 - 1)
		return INT64_MAX;
	return (sec + SECONDS_1601_TO_1970) * TICKS_PER_SECOND + nsec / NS_PER_TICK;
}
