#include "core/err.h"

const char *vv_err_text(int err)
{
	switch (err) {
	case VV_OK: return "ok";
#define X(name, value, text) \
	case value: return text;
		VV_ERRORS(X)
#undef X
	default: return "unknown error";
	}
}

const char *vv_err_name(int err)
{
	switch (err) {
	case VV_OK: return "OK";
#define X(name, value, text) \
	case value: return "E" #name;
		VV_ERRORS(X)
#undef X
	default: return "E?";
	}
}
