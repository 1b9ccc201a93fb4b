# Toolchain: Windows, 64 bits, by Debian's mingw-w64.  Libraries come from scripts/windows-deps and from nowhere else.
#
# The win32 thread model: our threads are src/os/windows/thread.c, and no DLL of the compiler is needed beside varve.exe.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)

set(VARVE_WINDOWS_DEPS "${CMAKE_CURRENT_LIST_DIR}/../build/windows-deps"
    CACHE PATH "What scripts/windows-deps made")
set(CMAKE_FIND_ROOT_PATH "${VARVE_WINDOWS_DEPS}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} "${VARVE_WINDOWS_DEPS}/lib/pkgconfig")
set(PKG_CONFIG_ARGN --static)

set(CMAKE_EXE_LINKER_FLAGS_INIT -static)
