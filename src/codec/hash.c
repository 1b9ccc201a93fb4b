#include "codec/hash.h"

#include "os/thread.h"

#include <sodium.h>
#include <xxhash.h>

#include <assert.h>
#include <stdlib.h>

_Static_assert(sizeof(crypto_generichash_blake2b_state) <= sizeof(struct vv_hasher),
	       "the library's state fits ours");
_Static_assert(_Alignof(struct vv_hasher) >= 64, "as libsodium wants it");

static crypto_generichash_blake2b_state *state_of(struct vv_hasher *h)
{
	return (crypto_generichash_blake2b_state *)(void *)h->storage;
}

/* Without it the hash is right but takes the slow path for the oldest processors. */
static void choose_fast_hash(void)
{
	if (sodium_init() < 0)
		abort();
}

/*
 * libsodium's hash fails on lengths that it does not know, and ours are
 * constants.  A hash that did not happen would give content the wrong name.
 */
static void must(int result)
{
	assert(result == 0);
	if (result != 0)
		abort();
}

void vv_hasher_init(struct vv_hasher *h)
{
	static struct vv_once once = VV_ONCE_INIT;

	vv_once_run(&once, choose_fast_hash);
	must(crypto_generichash_blake2b_init(state_of(h), NULL, 0, VV_ID_BYTES));
}

void vv_hasher_add(struct vv_hasher *h, const void *bytes, size_t len)
{
	if (len != 0)
		must(crypto_generichash_blake2b_update(state_of(h), bytes, len));
}

void vv_hasher_done(struct vv_hasher *h, struct vv_id *out)
{
	must(crypto_generichash_blake2b_final(state_of(h), out->bytes, VV_ID_BYTES));
}

void vv_hash_id(struct vv_id *out, const void *bytes, size_t len)
{
	struct vv_hasher h;

	vv_hasher_init(&h);
	vv_hasher_add(&h, bytes, len);
	vv_hasher_done(&h, out);
}

uint64_t vv_checksum64(const void *bytes, size_t len)
{
	return XXH3_64bits(len != 0 ? bytes : "", len);
}
