#include "os/system.h"

#include "os/thread.h"
#include "os/windows/handle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <bcrypt.h>

/* Without the time that the machine slept, as the monotonic clock of Linux. */
uint64_t vv_clock_ns(void)
{
	ULONGLONG ticks = 0;

	QueryUnbiasedInterruptTime(&ticks);
	return ticks * 100;
}

int64_t vv_time_ns(void)
{
	FILETIME now;

	GetSystemTimePreciseAsFileTime(&now);
	return vv_ns_from_filetime((int64_t)now.dwHighDateTime << 32 |
				   now.dwLowDateTime);
}

void vv_sleep_ms(unsigned ms)
{
	Sleep(ms);
}

void vv_random(void *buf, size_t len)
{
	unsigned char *p = buf;

	while (len > 0) {
		ULONG n = len < 65536 ? (ULONG)len : 65536;

		if (BCryptGenRandom(NULL, p, n, BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
			abort(); /* names that must not collide would */
		p += n;
		len -= n;
	}
}

/* Other bytes would break the line of a record that the name is written to. */
static void keep_printable(char *name)
{
	for (; *name; name++) {
		if (*name <= ' ' || *name > '~')
			*name = '_';
	}
}

void vv_host_name(char out[VV_SYSTEM_NAME_BYTES])
{
	wchar_t wide[VV_SYSTEM_NAME_BYTES] = { 0 };
	DWORD room = VV_SYSTEM_NAME_BYTES;
	size_t i = 0;

	if (!GetComputerNameExW(ComputerNameDnsHostname, wide, &room) || !wide[0])
		wcscpy(wide, L"unnamed");
	for (; wide[i] && i < VV_SYSTEM_NAME_BYTES - 1; i++)
		out[i] = wide[i] < 0x7f ? (char)wide[i] : '_';
	out[i] = '\0';
	keep_printable(out);
}

/*
 * The number of this start is kept by the memory manager; where it is not, one name
 * for all starts is safe: a process of an earlier one is either gone or, if its number
 * was given again, waited for in vain until its record is too old.  A machine guid is
 * made once an installation, so also once a container and once a Wine prefix.
 */
static char boot_name[VV_SYSTEM_NAME_BYTES];

static void find_boot_name(void)
{
	static const wchar_t memory[] =
		L"SYSTEM\\CurrentControlSet\\Control\\Session Manager\\"
		L"Memory Management\\PrefetchParameters";
	char guid[64] = "";
	DWORD room = sizeof guid, boot = 0, boot_room = sizeof boot;
	uint64_t any[2];

	if (RegGetValueA(HKEY_LOCAL_MACHINE, "SOFTWARE\\Microsoft\\Cryptography",
			 "MachineGuid", RRF_RT_REG_SZ | RRF_SUBKEY_WOW6464KEY, NULL,
			 guid, &room) == ERROR_SUCCESS &&
	    guid[0]) {
		RegGetValueW(HKEY_LOCAL_MACHINE, memory, L"BootId", RRF_RT_REG_DWORD,
			     NULL, &boot, &boot_room);
		snprintf(boot_name, sizeof boot_name, "windows-%s/%lu", guid,
			 (unsigned long)boot);
	} else {
		vv_random(any, sizeof any);
		snprintf(boot_name, sizeof boot_name, "unknown-%016llx%016llx",
			 (unsigned long long)any[0], (unsigned long long)any[1]);
	}
	keep_printable(boot_name);
}

void vv_boot_name(char out[VV_SYSTEM_NAME_BYTES])
{
	static struct vv_once once = VV_ONCE_INIT;

	vv_once_run(&once, find_boot_name);
	memcpy(out, boot_name, sizeof boot_name);
}

uint64_t vv_process_id(void)
{
	return GetCurrentProcessId();
}

bool vv_process_alive(uint64_t pid)
{
	HANDLE process;
	bool is_alive;

	/* Numbers are multiples of 4; Windows would round others down to one. */
	if (pid == 0 || pid > UINT32_MAX || pid % 4 != 0)
		return false;
	process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)pid);
	if (!process)
		return GetLastError() != ERROR_INVALID_PARAMETER;
	is_alive = WaitForSingleObject(process, 0) != WAIT_OBJECT_0;
	CloseHandle(process);
	return is_alive;
}

/* Owners are numbers in a tree, and mean nothing here. */
bool vv_process_may_chown(void)
{
	return false;
}

void *vv_pages_new(size_t size)
{
	return VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void vv_pages_free(void *pages, size_t size)
{
	(void)size;
	if (pages)
		VirtualFree(pages, 0, MEM_RELEASE);
}
