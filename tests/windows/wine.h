/*
 * wine.h - whether Wine stands in for Windows: its files lie on a POSIX file system, whose
 * names cannot hold lone surrogates.
 */
#ifndef VV_TEST_WINE_H
#define VV_TEST_WINE_H

#include <stdbool.h>
#include <windows.h>

static inline bool is_wine(void)
{
	return GetProcAddress(GetModuleHandleW(L"ntdll"), "wine_get_version") != NULL;
}

#endif
