#include "core/refname.h"

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
	PIECE_BYTES_MAX = 200
};

/* A key on its way; counts on when it is full, so that the end can tell. */
struct writer {
	char *out;
	size_t len;
	size_t piece_len; /* of the piece being filled */
};

static void put(struct writer *w, char c)
{
	if (w->len < VV_REFNAME_KEY_BYTES_MAX)
		w->out[w->len] = c;
	w->len++;
}

static bool stands_for_itself(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '+' || c == '_' || c == '.';
}

static void put_byte(struct writer *w, char c)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)c;
	bool is_plain = stands_for_itself(c);

	if (w->piece_len + (is_plain ? 1 : 3) > PIECE_BYTES_MAX) {
		put(w, '%');
		put(w, '/');
		w->piece_len = 0;
	}
	if (c == '.' && w->piece_len == 0)
		is_plain = false;
	if (is_plain) {
		put(w, c);
	} else {
		put(w, '%');
		put(w, digits[byte >> 4]);
		put(w, digits[byte & 15]);
	}
	w->piece_len += is_plain ? 1 : 3;
}

/* VV_EINVAL if the key would be too long.  @name is otherwise right. */
static int write_key(char key[VV_REFNAME_BUF_BYTES], const char *name)
{
	struct writer w = { .out = key };

	for (; *name; name++) {
		if (*name == '/') {
			put(&w, '/');
			w.piece_len = 0;
		} else {
			put_byte(&w, *name);
		}
	}
	if (w.len > VV_REFNAME_KEY_BYTES_MAX)
		return VV_EINVAL;
	key[w.len] = '\0';
	return VV_OK;
}

/* What is wrong with one part, or NULL. */
static const char *fault_of_part(const char *part, size_t len)
{
	if (len == 0)
		return "a part is empty: no '/' at the ends, and no two in a row";
	if (len > VV_REFNAME_PART_BYTES_MAX)
		return "a part is longer than 255 bytes";
	if (part[0] == '.' && (len == 1 || (len == 2 && part[1] == '.')))
		return "a part is '.' or '..'";
	for (size_t i = 0; i < len; i++) {
		if (part[i] == '@' || part[i] == ':')
			return "it contains '@' or ':'";
		if ((unsigned char)part[i] < 0x20)
			return "it contains a control character";
	}
	return NULL;
}

static const char *fault_of(const char *name)
{
	char key[VV_REFNAME_BUF_BYTES];
	const char *part = name;

	for (;;) {
		size_t len = strcspn(part, "/");
		const char *fault = fault_of_part(part, len);

		if (fault)
			return fault;
		if (part[len] == '\0')
			break;
		part += len + 1;
	}
	return write_key(key, name) ? "it is too long" : NULL;
}

int vv_refname_check(const char *name, const char **why)
{
	const char *fault = fault_of(name);

	if (why)
		*why = fault;
	return fault ? VV_EINVAL : VV_OK;
}

int vv_refname_encode(char key[VV_REFNAME_BUF_BYTES], const char *name)
{
	key[0] = '\0';
	if (fault_of(name))
		return VV_EINVAL;
	return write_key(key, name);
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes what an encoder might have meant; whether it did is for the caller. */
static int read_key(char name[VV_REFNAME_BUF_BYTES], const char *key)
{
	size_t len = 0;

	while (*key) {
		if (len == VV_REFNAME_KEY_BYTES_MAX)
			return VV_EINVAL;
		if (key[0] != '%') {
			name[len++] = *key++;
		} else if (key[1] == '/') {
			key += 2; /* the part goes on in the next piece */
		} else {
			int high = digit_value(key[1]);
			int low = high < 0 ? -1 : digit_value(key[2]);

			if (low < 0)
				return VV_EINVAL;
			name[len++] = (char)(high << 4 | low);
			key += 3;
		}
	}
	name[len] = '\0';
	return VV_OK;
}

int vv_refname_decode(char name[VV_REFNAME_BUF_BYTES], const char *key)
{
	char again[VV_REFNAME_BUF_BYTES];

	/* Only what we would write ourselves is a key: one name, one spelling. */
	if (read_key(name, key) || vv_refname_encode(again, name) ||
	    strcmp(again, key) != 0) {
		name[0] = '\0';
		return VV_EINVAL;
	}
	return VV_OK;
}
