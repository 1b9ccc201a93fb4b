/*
 * What a mount is made of, over a store in a directory: refs, following, lease,
 * statistics.
 */
#include "host/serve.h"

#include "core/err.h"
#include "lib/temp_dir.h"
#include "lib/teststore.h"
#include "os/system.h"
#include "source/source.h"
#include "store/reader.h"
#include "store/store.h"
#include "test.h"

#include <jansson.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum {
	PATIENCE_MS = 10000
};

static struct test_store ts;
static struct vv_serve *serve;

static struct vv_id publish(const char *ref, const char *content)
{
	struct test_file file = { "x", content, strlen(content) };
	struct vv_id pack;

	return test_publish(&ts, ref, &file, 1, &pack);
}

static bool follow = true;

static int serve_new(const struct vv_serve_layer *layers, size_t count)
{
	struct vv_serve_options opts = {
		.store = ts.store,
		.layers = layers,
		.layer_count = count,
		.memory_bytes = 32 << 20,
		.mount_path = "/somewhere",
		.follow = follow,
	};

	return vv_serve_new(&serve, &opts);
}

/* The store is the serve's until then. */
static void serve_end(void)
{
	vv_serve_free(serve);
	serve = NULL;
	ts.store = NULL;
	test_store_drop(&ts);
}

static int walk(const char *path, struct vv_attr *out)
{
	struct vv_view *view = vv_serve_view(serve);
	int err = vv_view_getattr(view, VV_NODE_ROOT, out);

	while (!err && *path) {
		size_t len = strcspn(path, "/");
		uint64_t parent = out->node;
		enum vv_life life;

		err = vv_view_lookup(view, parent, path, len, out, &life);
		vv_view_forget(view, parent, 1);
		path += len + (path[len] == '/');
	}
	return err;
}

static void forget(uint64_t node)
{
	vv_view_forget(vv_serve_view(serve), node, 1);
}

static bool is_absent(const char *path)
{
	struct vv_attr attr;

	return walk(path, &attr) == VV_ENOENT;
}

static bool holds(const char *path, const char *content)
{
	struct vv_content c;
	struct vv_attr attr;
	char buf[256];
	bool same;

	CHECK_INT(walk(path, &attr), VV_OK);
	CHECK_INT(vv_view_content(vv_serve_view(serve), attr.node, &c), VV_OK);
	CHECK(c.size <= sizeof buf && !c.is_host);
	CHECK_INT(vv_reader_copy(vv_serve_reader(serve), &c.blob, c.size, 0, buf,
				 c.size),
		  VV_OK);
	vv_serve_count_read(serve, attr.node, 0, c.size);
	same = c.size == strlen(content) && memcmp(buf, content, c.size) == 0;
	forget(attr.node);
	return same;
}

/* ---- what shows ---- */

static void every_ref_shows_at_its_name(void)
{
	test_store_make(&ts);
	publish("gcc/12", "twelve");
	publish("gcc/13", "thirteen");
	publish("clang", "clang");
	CHECK_INT(serve_new(NULL, 0), VV_OK);
	CHECK(holds("gcc/12/x", "twelve") && holds("gcc/13/x", "thirteen"));
	CHECK(holds("clang/x", "clang"));
	CHECK(is_absent("gcc/14"));
	serve_end();
}

static void chosen_layers_show_where_they_were_put(void)
{
	char *dir = temp_dir_new(), *file = temp_path(dir, "note");
	struct vv_serve_layer layers[] = {
		{ .ref = "gcc/12", .path = "usr/gcc" },
		{ .dir = dir, .path = "" },
	};
	struct vv_view_file *handle;
	struct vv_attr attr;
	char buf[8];
	size_t got;

	temp_file(file, "hello", 5);
	test_store_make(&ts);
	publish("gcc/12", "twelve");
	publish("gcc/13", "thirteen");
	CHECK_INT(serve_new(layers, 2), VV_OK);
	CHECK(holds("usr/gcc/x", "twelve"));
	CHECK(is_absent("gcc"));
	CHECK_INT(walk("note", &attr), VV_OK);
	CHECK_INT(attr.size, 5);
	CHECK_INT(attr.entry_life, VV_LIFE_SHORT);
	CHECK_INT(vv_view_open(vv_serve_view(serve), attr.node, &handle), VV_OK);
	CHECK_INT(vv_view_file_read(handle, buf, sizeof buf, 1, &got), VV_OK);
	CHECK(got == 4 && memcmp(buf, "ello", 4) == 0);
	vv_view_file_close(handle);
	serve_end();
	free(file);
	temp_dir_free(dir);
}

static void a_replaced_host_file_makes_its_node_stale(void)
{
	char *dir = temp_dir_new(), *file = temp_path(dir, "note");
	char *other = temp_path(dir, "other");
	struct vv_serve_layer layer = { .dir = dir, .path = "d" };
	struct vv_view_file *handle;
	struct vv_attr old, attr;

	temp_file(file, "old", 3);
	test_store_make(&ts);
	CHECK_INT(serve_new(&layer, 1), VV_OK);
	CHECK_INT(walk("d/note", &old), VV_OK);
	temp_file(other, "newer", 5);
	CHECK(rename(other, file) == 0);
	CHECK_INT(vv_view_getattr(vv_serve_view(serve), old.node, &attr), VV_ESTALE);
	CHECK_INT(vv_view_open(vv_serve_view(serve), old.node, &handle), VV_ESTALE);
	CHECK_INT(walk("d/note", &attr), VV_OK);
	CHECK(attr.node != old.node && attr.size == 5);
	serve_end();
	free(other);
	free(file);
	temp_dir_free(dir);
}

static void what_was_chosen_must_be_there(void)
{
	struct vv_serve_layer ref = { .ref = "gcc/99", .path = "gcc" };
	struct vv_serve_layer dir = { .dir = "/nonexistent/dir", .path = "" };

	test_store_make(&ts);
	CHECK_INT(serve_new(&ref, 1), VV_ENOENT);
	CHECK_INT(serve_new(&dir, 1), VV_ENOENT);
	CHECK(serve == NULL);
	publish("gcc/99", "now"); /* the store is still ours */
	CHECK_INT(serve_new(&ref, 1), VV_OK);
	CHECK(holds("gcc/x", "now"));
	serve_end();
}

/* ---- following ---- */

static atomic_uint notices_heard;

static void on_notices(void *ctx, const struct vv_notices *notices)
{
	CHECK(ctx == &ts && notices->count > 0);
	/* No lock is held: the view can be asked. */
	CHECK(!vv_view_has_host_layers(vv_serve_view(serve)));
	atomic_fetch_add(&notices_heard, 1);
}

static void start(void)
{
	atomic_store(&notices_heard, 0);
	CHECK_INT(vv_serve_start(serve, on_notices, &ts), VV_OK);
}

static void wait_for_notices(unsigned count)
{
	for (unsigned ms = 0; atomic_load(&notices_heard) < count; ms++) {
		CHECK(ms < PATIENCE_MS);
		vv_sleep_ms(1);
	}
}

static void refs_are_followed(void)
{
	test_store_make(&ts);
	publish("gcc/12", "old");
	CHECK_INT(serve_new(NULL, 0), VV_OK);
	start();
	CHECK(holds("gcc/12/x", "old") && is_absent("clang"));
	publish("gcc/12", "new");
	wait_for_notices(1);
	CHECK(holds("gcc/12/x", "new"));
	publish("clang", "added");
	wait_for_notices(2);
	CHECK(holds("clang/x", "added"));
	CHECK_INT(vv_ref_remove(ts.store, "clang"), VV_OK);
	wait_for_notices(3);
	CHECK(is_absent("clang"));
	vv_serve_stop(serve);
	publish("gcc/12", "unheard");
	vv_sleep_ms(2 * VV_FOLLOW_MS);
	CHECK(holds("gcc/12/x", "new"));
	serve_end();
}

static void a_chosen_ref_may_vanish_and_come_back(void)
{
	struct vv_serve_layer layers[] = { { .ref = "a", .path = "one" },
					   { .ref = "b", .path = "two" } };

	test_store_make(&ts);
	publish("a", "a");
	publish("b", "b");
	CHECK_INT(serve_new(layers, 2), VV_OK);
	start();
	CHECK(holds("one/x", "a") && holds("two/x", "b"));
	CHECK_INT(vv_ref_remove(ts.store, "a"), VV_OK);
	wait_for_notices(1);
	CHECK(is_absent("one") && holds("two/x", "b"));
	publish("a", "again");
	wait_for_notices(2);
	CHECK(holds("one/x", "again"));
	serve_end();
}

static void a_refresh_shows_what_was_published_before_it(void)
{
	uint64_t changes;

	test_store_make(&ts);
	publish("t", "old");
	follow = false;
	CHECK_INT(serve_new(NULL, 0), VV_OK);
	follow = true;
	start();
	changes = vv_serve_changes(serve);
	publish("t", "new");
	vv_sleep_ms(2 * VV_FOLLOW_MS);
	CHECK(holds("t/x", "old"));
	CHECK_INT(vv_serve_refresh(serve), VV_OK);
	CHECK(holds("t/x", "new"));
	CHECK_INT(vv_serve_changes(serve), changes + 1);
	CHECK_INT(vv_serve_refresh(serve), VV_OK); /* nothing moved */
	CHECK_INT(vv_serve_changes(serve), changes + 1);
	serve_end();
}

/* ---- the lease ---- */

static int read_lease(void *ctx, const char *key, const struct vv_object_info *info)
{
	char *text, *out = ctx;
	size_t len;

	(void)info;
	CHECK_INT(vv_source_get_whole(vv_store_source(ts.store), key, 8192, &text,
				      &len),
		  VV_OK);
	CHECK(*out == '\0'); /* there is one */
	memcpy(out, text, len + 1);
	free(text);
	return 0;
}

static bool is_leased(const struct vv_id *tree)
{
	char text[8193] = "", hex[VV_ID_HEX_BYTES];

	CHECK_INT(vv_source_list(vv_store_source(ts.store), "leases/", read_lease,
				 text),
		  VV_OK);
	return strstr(text, vv_id_to_hex(tree, hex)) != NULL;
}

static void the_lease_names_what_is_shown_and_what_is_held(void)
{
	struct vv_id old, new;
	struct vv_attr attr;

	test_store_make(&ts);
	old = publish("t", "old");
	CHECK_INT(serve_new(NULL, 0), VV_OK);
	CHECK(is_leased(&old));
	CHECK_INT(walk("t/x", &attr), VV_OK);
	start();
	new = publish("t", "new");
	wait_for_notices(1);
	CHECK(is_leased(&new) && is_leased(&old)); /* a kernel has the old file open */
	vv_sleep_ms(2 * VV_FOLLOW_MS);
	CHECK(is_leased(&old));
	forget(attr.node);
	for (unsigned ms = 0; is_leased(&old); ms++) {
		CHECK(ms < PATIENCE_MS);
		vv_sleep_ms(1);
	}
	CHECK(is_leased(&new));
	serve_end();
}

static int count_key(void *ctx, const char *key, const struct vv_object_info *info)
{
	(void)key;
	(void)info;
	++*(unsigned *)ctx;
	return 0;
}

static void the_lease_goes_with_the_mount(void)
{
	struct vv_source *source;
	unsigned leases = 0;

	test_store_make(&ts);
	publish("t", "x");
	CHECK_INT(serve_new(NULL, 0), VV_OK);
	vv_serve_free(serve);
	ts.store = NULL;
	test_store_reopen(&ts);
	source = vv_store_source(ts.store);
	CHECK_INT(vv_source_list(source, "leases/", count_key, &leases), VV_OK);
	CHECK_INT(leases, 0);
	test_store_drop(&ts);
}

static void a_store_that_takes_no_lease_is_shown_all_the_same(void)
{
	char *path;

	test_store_make(&ts);
	publish("t", "x");
	path = temp_path(ts.path, "leases");
	(void)remove(path);
	temp_file(path, "in the way", 10);
	CHECK_INT(serve_new(NULL, 0), VV_OK);
	CHECK(holds("t/x", "x"));
	free(path);
	serve_end();
}

/* ---- statistics ---- */

/* What a host makes of the members. */
static json_t *stats(size_t max)
{
	struct vv_buf json;
	json_error_t why;
	json_t *out;

	vv_buf_init(&json, 1 << 20);
	CHECK_INT(vv_buf_append(&json, "{", 1), VV_OK);
	CHECK_INT(vv_serve_stats(serve, &json, max), VV_OK);
	CHECK(json.len - 1 <= max);
	CHECK_INT(vv_buf_append(&json, "}", 1), VV_OK);
	out = json_loadb((const char *)json.bytes, json.len, 0, &why);
	if (!out)
		fprintf(stderr, "%s\n", why.text);
	CHECK(out != NULL);
	vv_buf_fini(&json);
	return out;
}

static void reads_are_counted_for_each_ref(void)
{
	struct vv_id tree;
	json_t *all, *ref;
	char hex[VV_ID_HEX_BYTES];

	test_store_make(&ts);
	publish("a", "12345");
	publish("b", "1234567");
	CHECK_INT(serve_new(NULL, 0), VV_OK);
	start();
	CHECK(holds("b/x", "1234567"));
	tree = publish("b", "123");
	wait_for_notices(1);
	CHECK(holds("b/x", "123"));
	all = stats(1 << 16);
	CHECK_INT(json_array_size(json_object_get(all, "refs")), 2);
	CHECK_INT(json_integer_value(json_object_get(all, "refs_omitted")), 0);
	ref = json_array_get(json_object_get(all, "refs"), 0); /* what was read first */
	CHECK_STR(json_string_value(json_object_get(ref, "ref")), "b");
	CHECK_STR(json_string_value(json_object_get(ref, "path")), "b");
	CHECK_STR(json_string_value(json_object_get(ref, "tree")),
		  vv_id_to_hex(&tree, hex));
	CHECK_INT(json_integer_value(json_object_get(ref, "reads")), 2);
	CHECK_INT(json_integer_value(json_object_get(ref, "bytes")), 10);
	CHECK_INT(json_integer_value(
			  json_object_get(json_object_get(all, "budget"), "limit")),
		  32 << 20);
	CHECK(json_integer_value(
		      json_object_get(json_object_get(all, "cache"), "misses")) > 0);
	CHECK(json_integer_value(
		      json_object_get(json_object_get(all, "reader"), "reads")) > 0);
	json_decref(all);
	serve_end();
}

static void read_as_a_host(const char *path)
{
	static struct vv_read read;
	struct vv_content c;
	struct vv_attr attr;

	CHECK_INT(walk(path, &attr), VV_OK);
	CHECK_INT(vv_view_content(vv_serve_view(serve), attr.node, &c), VV_OK);
	CHECK_INT(vv_reader_read_for(vv_serve_reader(serve),
				     vv_serve_account(serve, attr.node), &c.blob,
				     c.size, 0, c.size, &read),
		  VV_OK);
	vv_reader_done(vv_serve_reader(serve), &read);
	vv_serve_count_read(serve, attr.node, 0, c.size);
	forget(attr.node);
}

static json_int_t number_of(const json_t *refs, size_t i, const char *key)
{
	return json_integer_value(json_object_get(json_array_get(refs, i), key));
}

static void content_that_refs_share_is_counted_for_the_first_reader(void)
{
	json_t *all, *refs;

	test_store_make(&ts);
	publish("a", "the same");
	publish("b", "the same");
	CHECK_INT(serve_new(NULL, 0), VV_OK);
	read_as_a_host("b/x");
	read_as_a_host("a/x");
	read_as_a_host("a/x");
	all = stats(1 << 16);
	refs = json_object_get(all, "refs");
	CHECK_INT(number_of(refs, 0, "bytes"), 16);
	CHECK_INT(number_of(refs, 0, "hits"), 2);
	CHECK_INT(number_of(refs, 0, "decoded"), 0);
	CHECK_INT(number_of(refs, 0, "resident"), 0);
	CHECK_INT(number_of(refs, 1, "hits"), 0);
	CHECK_INT(number_of(refs, 1, "decoded"), 8);
	CHECK_INT(number_of(refs, 1, "resident"), 8);
	json_decref(all);
	serve_end();
}

static void names_of_any_bytes_make_proper_json(void)
{
	json_t *all, *ref;

	test_store_make(&ts);
	publish("q\"\\\xff\xc3\xa9", "x");
	CHECK_INT(serve_new(NULL, 0), VV_OK);
	all = stats(1 << 16);
	ref = json_array_get(json_object_get(all, "refs"), 0);
	CHECK_STR(json_string_value(json_object_get(ref, "ref")),
		  "q\"\\\xef\xbf\xbd\xc3\xa9");
	json_decref(all);
	serve_end();
}

static void refs_that_do_not_fit_are_counted(void)
{
	json_t *all;
	size_t listed, omitted;

	test_store_make(&ts);
	for (char c = 'a'; c <= 'z'; c++)
		publish((const char[]){ c, '\0' }, "x");
	CHECK_INT(serve_new(NULL, 0), VV_OK);
	all = stats(2600);
	listed = json_array_size(json_object_get(all, "refs"));
	omitted = (size_t)json_integer_value(json_object_get(all, "refs_omitted"));
	CHECK(listed > 2 && omitted > 2);
	CHECK_INT(listed + omitted, 26);
	json_decref(all);
	serve_end();
}

int main(void)
{
	RUN(every_ref_shows_at_its_name);
	RUN(chosen_layers_show_where_they_were_put);
	RUN(a_replaced_host_file_makes_its_node_stale);
	RUN(what_was_chosen_must_be_there);
	RUN(refs_are_followed);
	RUN(a_chosen_ref_may_vanish_and_come_back);
	RUN(a_refresh_shows_what_was_published_before_it);
	RUN(the_lease_names_what_is_shown_and_what_is_held);
	RUN(the_lease_goes_with_the_mount);
	RUN(a_store_that_takes_no_lease_is_shown_all_the_same);
	RUN(reads_are_counted_for_each_ref);
	RUN(content_that_refs_share_is_counted_for_the_first_reader);
	RUN(names_of_any_bytes_make_proper_json);
	RUN(refs_that_do_not_fit_are_counted);
	return test_report();
}
