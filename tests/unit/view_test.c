/* The view over trees in memory: names, numbers, merging, change. */
#include "vfs/view.h"

#include "core/err.h"
#include "lib/trees.h"
#include "os/system.h"
#include "test.h"

static struct shelf shelf;
static struct vv_view *view;

static void view_begin(void)
{
	struct vv_view_options opts = { .default_uid = 7, .default_gid = 8 };

	CHECK_INT(vv_view_new(&view, &opts), VV_OK);
}

static void view_end(void)
{
	vv_view_free(view);
	shelf_fini(&shelf);
}

/* ---- what tests say ---- */

static struct vv_layer at(const char *path, const char *text)
{
	return shelf_layer(&shelf, path, text);
}

#define SET(...) \
	set_layers((struct vv_layer[]){ __VA_ARGS__ }, \
		   sizeof((struct vv_layer[]){ __VA_ARGS__ }) / \
			   sizeof(struct vv_layer))

/*
 * The notices of a change, as text: "node/name;node/name;..." with `*` for a directory
 * itself.
 */
static char notices[4096];

static void set_layers(const struct vv_layer *layers, size_t count)
{
	struct vv_notices n;
	size_t len = 0;

	CHECK_INT(vv_view_set_layers(view, layers, count, &n), VV_OK);
	notices[0] = '\0';
	for (size_t i = 0; i < n.count; i++) {
		const struct vv_notice *item = &n.items[i];

		CHECK(!item->name || strlen(item->name) == item->len);
		len += (size_t)snprintf(notices + len, sizeof notices - len, "%llu/%s;",
					(unsigned long long)item->node,
					item->name ? item->name : "*");
		CHECK(len < sizeof notices);
	}
	vv_notices_fini(&n);
}

static bool is_noticed(uint64_t node, const char *name)
{
	char text[300], in[sizeof notices + 1];

	snprintf(text, sizeof text, ";%llu/%s;", (unsigned long long)node, name);
	snprintf(in, sizeof in, ";%s", notices);
	return strstr(in, text) != NULL;
}

/* A walk from the root, as a kernel would; every step stays looked up. */
static int walk(const char *path, struct vv_attr *out)
{
	int err = vv_view_getattr(view, VV_NODE_ROOT, out);

	while (!err && *path) {
		size_t len = strcspn(path, "/");
		enum vv_life life;

		err = vv_view_lookup(view, out->node, path, len, out, &life);
		path += len + (path[len] == '/');
	}
	return err;
}

static uint64_t node_of(const char *path)
{
	struct vv_attr attr;

	CHECK_INT(walk(path, &attr), VV_OK);
	return attr.node;
}

static bool node_holds(uint64_t node, const char *content)
{
	struct vv_content c;
	struct vv_id id = content_id(content);

	CHECK_INT(vv_view_content(view, node, &c), VV_OK);
	return !c.is_host && c.size == strlen(content) && vv_id_equal(&c.blob, &id);
}

static bool holds(const char *path, const char *content)
{
	return node_holds(node_of(path), content);
}

static bool is_absent(const char *path)
{
	struct vv_attr attr;

	return walk(path, &attr) == VV_ENOENT;
}

struct text {
	char bytes[8192];
	size_t len;
	unsigned room; /* entries until the buffer is full; 0: no limit */
	uint64_t next;
};

static int add_text(void *ctx, const char *name, size_t len, uint64_t next,
		    const struct vv_attr *attr)
{
	struct text *t = ctx;

	if (t->room && --t->room == 0)
		return 1;
	CHECK(attr->ino != 0 && attr->node == 0);
	CHECK(next > t->next);
	t->next = next;
	if (len <= 2 && strspn(name, ".") >= len)
		return 0;
	t->len += (size_t)snprintf(t->bytes + t->len, sizeof t->bytes - t->len,
				   "%.*s%s ", (int)len, name,
				   (attr->mode & VV_S_IFMT) == VV_S_IFDIR ? "/" : "");
	CHECK(t->len < sizeof t->bytes);
	return 0;
}

/* The names of a directory: "a/ b c/ ". */
static const char *names_of(uint64_t node)
{
	static struct text t;

	t = (struct text){ 0 };
	CHECK_INT(vv_view_readdir(view, node, NULL, 0, false, add_text, &t), VV_OK);
	return t.bytes;
}

static const char *names_at(const char *path)
{
	return names_of(node_of(path));
}

/* ---- single trees ---- */

static void a_view_without_layers_is_an_empty_directory(void)
{
	struct vv_attr attr;

	view_begin();
	CHECK_INT(vv_view_getattr(view, VV_NODE_ROOT, &attr), VV_OK);
	CHECK_INT(attr.mode, VV_S_IFDIR | 0755);
	CHECK_INT(attr.ino, 1);
	CHECK_INT(attr.uid, 7);
	CHECK_INT(attr.gid, 8);
	CHECK_STR(names_of(VV_NODE_ROOT), "");
	CHECK(is_absent("a"));
	view_end();
}

static void a_ref_shows_at_its_path_and_nothing_beside_it(void)
{
	view_begin();
	SET(at("gcc/12", "f bin/gcc twelve\nl lib/a ../b"),
	    at("gcc/13", "f bin/gcc thirteen"));
	CHECK_STR(names_of(VV_NODE_ROOT), "gcc/ ");
	CHECK_STR(names_at("gcc"), "12/ 13/ ");
	CHECK_STR(names_at("gcc/12"), "bin/ lib/ ");
	CHECK(holds("gcc/12/bin/gcc", "twelve"));
	CHECK(holds("gcc/13/bin/gcc", "thirteen"));
	CHECK(is_absent("gcc/14") && is_absent("gcc/12/bin/cc"));
	view_end();
}

static void attributes_are_those_of_the_entry(void)
{
	struct vv_attr attr, link;
	char target[16];
	size_t len;

	view_begin();
	SET(at("t", "f a hello\nh b a\nl l to\nd d/e\nd d/f"));
	CHECK_INT(walk("t/a", &attr), VV_OK);
	CHECK_INT(attr.mode, VV_S_IFREG | 0644);
	CHECK_INT(attr.size, 5);
	CHECK_INT(attr.blocks, 1);
	CHECK_INT(attr.nlink, 2);
	CHECK_INT(attr.mtime_sec, 1000000);
	CHECK_INT(attr.entry_life, VV_LIFE_FOREVER);
	CHECK_INT(attr.attr_life, VV_LIFE_FOREVER);
	CHECK_INT(walk("t/b", &link), VV_OK);
	CHECK(link.ino == attr.ino && link.node != attr.node);
	CHECK_INT(walk("t/d", &attr), VV_OK);
	CHECK_INT(attr.nlink, 4);
	CHECK_INT(walk("t/l", &attr), VV_OK);
	CHECK_INT(vv_view_readlink(view, attr.node, target, sizeof target, &len),
		  VV_OK);
	CHECK(len == 2 && memcmp(target, "to", 2) == 0);
	CHECK_INT(vv_view_readlink(view, node_of("t/a"), target, sizeof target, &len),
		  VV_EINVAL);
	view_end();
}

static void xattrs_ask_for_size_and_refuse_small_buffers(void)
{
	char buf[64];
	size_t len;
	uint64_t dir;

	view_begin();
	SET(at("t", "o d\nf f x"));
	dir = node_of("t/d");
	CHECK_INT(vv_view_xattr_list(view, dir, NULL, 0, &len), VV_OK);
	CHECK_INT(len, 20);
	CHECK_INT(vv_view_xattr_list(view, dir, buf, 19, &len), VV_ERANGE);
	CHECK_INT(vv_view_xattr_list(view, dir, buf, 20, &len), VV_OK);
	CHECK_STR(buf, "user.overlay.opaque");
	CHECK_INT(vv_view_xattr_get(view, dir, buf, NULL, 0, &len), VV_OK);
	CHECK_INT(len, 1);
	CHECK_INT(vv_view_xattr_get(view, dir, "user.x", buf, 9, &len), VV_ENODATA);
	CHECK_INT(vv_view_xattr_get(view, VV_NODE_ROOT, "user.x", buf, 9, &len),
		  VV_ENODATA);
	view_end();
}

static void inode_numbers_are_unique_and_last(void)
{
	static const char *const paths[] = { "",      "a",   "a/1",   "a/1/f",
					     "a/1/g", "a/2", "a/2/f", "a/2/g" };
	uint64_t ino[8];

	for (int round = 0; round < 2; round++) {
		view_begin();
		if (round == 1) /* other layers, another order */
			SET(at("z", "f y z"), at("a/2", "f f x\nf g x"));
		SET(at("a/1", "f f x\nf g x"), at("a/2", "f f x\nf g x"));
		for (int i = 0; i < 8; i++) {
			struct vv_attr attr;

			CHECK_INT(walk(paths[i], &attr), VV_OK);
			CHECK(round == 0 || attr.ino == ino[i]);
			ino[i] = attr.ino;
			CHECK(attr.ino < UINT64_C(1) << 63);
			for (int j = 0; j < i; j++)
				CHECK(ino[j] != ino[i]);
		}
		view_end();
	}
}

static void two_equal_layers_at_one_path_have_numbers_of_their_own(void)
{
	struct vv_attr one, two;

	view_begin();
	SET(at("a", "f d/x 1"), at("a", "f d/x 1"), at("b", "f d/x 1"));
	CHECK_INT(walk("a/d/x", &one), VV_OK);
	CHECK_INT(walk("b/d/x", &two), VV_OK);
	CHECK(one.ino != two.ino && one.node != two.node);
	view_end();
}

static void a_listing_goes_on_where_the_buffer_was_full(void)
{
	struct text all;

	view_begin();
	SET(at("t", "f a 1\nf b 2\nd c\nf d 3"), at("u/1", ""), at("u/2", ""),
	    at("u/3", ""));
	for (int dir = 0; dir < 2; dir++) {
		all = (struct text){ 0 };
		for (int i = 0; i < 7; i++) {
			all.room = 2; /* one entry, then full */
			CHECK_INT(vv_view_readdir(view, node_of(dir ? "u" : "t"), NULL,
						  all.next, false, add_text, &all),
				  VV_OK);
		}
		CHECK_STR(all.bytes, dir ? "1/ 2/ 3/ " : "a b c/ d ");
	}
	view_end();
}

struct plus {
	unsigned nodes, without;
};

static int count_plus(void *ctx, const char *name, size_t len, uint64_t next,
		      const struct vv_attr *attr)
{
	struct plus *p = ctx;

	(void)next;
	CHECK(attr->ino != 0 && (attr->mode & VV_S_IFMT) != 0);
	if (attr->node)
		p->nodes++;
	else
		p->without++;
	CHECK(attr->node == 0 || !(len == 1 && name[0] == '.'));
	return 0;
}

static void listing_with_attributes_opens_no_tree(void)
{
	struct plus p = { 0 };

	view_begin();
	SET(at("a", "f x 1"), at("b", "f x 2"), at("c/d", "f x 3"));
	(void)node_of("b");
	CHECK_INT(atomic_load(&shelf.opens), 1);
	CHECK_INT(vv_view_readdir(view, VV_NODE_ROOT, NULL, 0, true, count_plus, &p),
		  VV_OK);
	CHECK_INT(atomic_load(&shelf.opens), 1);
	CHECK_INT(p.nodes, 2); /* b, which is open, and c, which is nobody's */
	CHECK_INT(p.without, 3);
	view_end();
}

static void lookups_counted_by_a_listing_hold_the_tree(void)
{
	struct plus p = { 0 };
	uint64_t t;

	view_begin();
	SET(at("t", "f a 1\nf b 2"));
	t = node_of("t");
	CHECK_INT(vv_view_readdir(view, t, NULL, 0, true, count_plus, &p), VV_OK);
	CHECK_INT(p.nodes, 2);
	set_layers(NULL, 0);
	vv_view_forget(view, t, 1);
	CHECK_INT(atomic_load(&shelf.closes), 0);
	vv_view_forget(view, t + 1, 1);
	CHECK_INT(atomic_load(&shelf.closes), 0);
	vv_view_forget(view, t + 2, 1);
	CHECK_INT(atomic_load(&shelf.closes), 1);
	view_end();
}

static void a_tree_that_cannot_be_opened_hurts_only_its_path(void)
{
	struct vv_attr attr;

	view_begin();
	SET(at("good", "f x 1"), at("bad", "f x 2"));
	(void)node_of("good");
	atomic_store(&shelf.fail, VV_EIO);
	CHECK_INT(walk("bad", &attr), VV_EIO);
	CHECK_STR(names_of(VV_NODE_ROOT), "bad/ good/ ");
	CHECK(holds("good/x", "1"));
	atomic_store(&shelf.fail, VV_OK);
	CHECK(holds("bad/x", "2")); /* tried again */
	view_end();
}

static void a_page_lost_during_a_question_is_an_io_error(void)
{
	struct shelf_tree *t;
	struct vv_attr attr;
	uint64_t file;

	view_begin();
	SET(at("t", "f x 1"));
	file = node_of("t/x");
	t = shelf_add(&shelf, "f x 1");
	memset(t->bytes, 0, 4096); /* what a lost page looks like */
	atomic_store(&t->faults, 1);
	CHECK_INT(vv_view_getattr(view, file, &attr), VV_EIO);
	view_end();
}

static void bad_ids_and_names_are_refused(void)
{
	struct vv_attr attr;
	enum vv_life life;

	view_begin();
	SET(at("t", "f x 1"));
	CHECK_INT(vv_view_getattr(view, 99, &attr), VV_ESTALE);
	CHECK_INT(vv_view_getattr(view, UINT64_C(1) << 63 | UINT64_C(77) << 32, &attr),
		  VV_ESTALE);
	CHECK_INT(vv_view_lookup(view, VV_NODE_ROOT, "a/b", 3, &attr, &life),
		  VV_EINVAL);
	CHECK_INT(vv_view_lookup(view, VV_NODE_ROOT, "..", 2, &attr, &life), VV_EINVAL);
	CHECK_INT(vv_view_lookup(view, node_of("t/x"), "y", 1, &attr, &life),
		  VV_ENOTDIR);
	vv_view_forget(view, 99, 1);
	vv_view_forget(view, VV_NODE_ROOT, 1000);
	CHECK(holds("t/x", "1"));
	view_end();
}

static void layers_at_improper_paths_are_refused(void)
{
	static const char *const bad[] = { "/a", "a/", "a//b", "a/../b", "." };

	view_begin();
	for (int i = 0; i < 5; i++) {
		struct vv_layer layer = at(bad[i], "f x 1");
		struct vv_notices n;

		CHECK_INT(vv_view_set_layers(view, &layer, 1, &n), VV_EINVAL);
	}
	CHECK_STR(names_of(VV_NODE_ROOT), "");
	view_end();
}

/* ---- merging ---- */

static void the_first_layer_wins_and_directories_merge(void)
{
	view_begin();
	SET(at("t", "f both one\nf d/x one\nf only1 1"),
	    at("t", "f both two\nf d/x two\nf d/y two\nf only2 2"));
	CHECK_STR(names_at("t"), "both d/ only1 only2 ");
	CHECK_STR(names_at("t/d"), "x y ");
	CHECK(holds("t/both", "one") && holds("t/d/x", "one"));
	CHECK(holds("t/d/y", "two") && holds("t/only2", "2"));
	view_end();
}

static void a_directory_of_one_layer_alone_is_a_node_of_its_tree(void)
{
	struct vv_attr attr;

	view_begin();
	SET(at("t", "f d/x 1\nd e"), at("t", "f e/y 2"));
	CHECK_INT(walk("t/d", &attr), VV_OK);
	CHECK(attr.node >> 63);
	CHECK_INT(walk("t/e", &attr), VV_OK);
	CHECK(!(attr.node >> 63));
	CHECK_INT(attr.nlink, 1);
	view_end();
}

static void a_file_hides_directories_below_and_is_hidden_by_those_above(void)
{
	view_begin();
	SET(at("", "f a file\nf b/x 1"), at("", "f a/x hidden\nf b hidden"),
	    at("", "f b/y hidden"));
	CHECK(holds("a", "file"));
	CHECK_STR(names_at("b"), "x ");
	CHECK(is_absent("b/y"));
	view_end();
}

static void whiteouts_hide_names_where_directories_merge(void)
{
	view_begin();
	SET(at("t", "w gone\nf d/x 1\nw d/y"), at("t", "f gone 1\nf d/y 2\nf stays 3"));
	CHECK_STR(names_at("t"), "d/ stays ");
	CHECK_STR(names_at("t/d"), "x ");
	CHECK(is_absent("t/gone") && is_absent("t/d/y"));
	view_end();
}

static void a_whiteout_in_a_single_tree_is_a_device(void)
{
	struct vv_attr attr;

	view_begin();
	SET(at("t", "w dev"));
	CHECK_INT(walk("t/dev", &attr), VV_OK);
	CHECK_INT(attr.mode, VV_S_IFCHR);
	CHECK_STR(names_at("t"), "dev ");
	view_end();
}

static void an_opaque_directory_hides_what_is_below(void)
{
	view_begin();
	SET(at("t", "o d\nf d/x 1"), at("t", "f d/y 2\nf e 3"),
	    at("t/d/z", "f deep 4"));
	CHECK_STR(names_at("t/d"), "x ");
	CHECK(is_absent("t/d/y") && is_absent("t/d/z"));
	CHECK(holds("t/e", "3"));
	view_end();
}

static void a_layer_inside_another_shows_at_its_depth(void)
{
	view_begin();
	SET(at("", "f usr/bin/sh sh\nf usr/lib/a a"), at("usr/lib/gcc/12", "f cc1 x"));
	CHECK_STR(names_at("usr"), "bin/ lib/ ");
	CHECK_STR(names_at("usr/lib"), "a gcc/ ");
	CHECK(holds("usr/lib/gcc/12/cc1", "x"));
	CHECK(holds("usr/bin/sh", "sh"));
	view_end();
}

static void order_decides_between_a_file_and_a_layer_beneath_its_name(void)
{
	view_begin();
	SET(at("", "f gcc file"), at("gcc/12", "f x 1"));
	CHECK(holds("gcc", "file"));
	SET(at("gcc/12", "f x 1"), at("", "f gcc file"), at("gcc/13", "f x 1"));
	CHECK_STR(names_at("gcc"), "12/ "); /* the file cuts off what is after it */
	view_end();
}

static void a_layer_at_the_root_shares_it_with_the_others(void)
{
	view_begin();
	SET(at("", "f readme hello\nf gcc/12/x root"),
	    at("gcc/12", "f x ref\nf y ref"));
	CHECK_STR(names_of(VV_NODE_ROOT), "gcc/ readme ");
	CHECK(holds("gcc/12/x", "root") && holds("gcc/12/y", "ref"));
	view_end();
}

/* ---- change ---- */

static void a_moved_ref_is_noticed_and_no_other(void)
{
	uint64_t gcc, old, file;
	char want[64];

	view_begin();
	SET(at("gcc/12", "f x old"), at("gcc/13", "f x 13"), at("clang/1", "f x 1"));
	gcc = node_of("gcc");
	old = node_of("gcc/12");
	file = node_of("gcc/12/x");
	(void)node_of("gcc/13");
	(void)node_of("clang/1");
	SET(at("gcc/12", "f x new"), at("gcc/13", "f x 13"), at("clang/1", "f x 1"));
	snprintf(want, sizeof want, "1/*;%llu/*;%llu/12;", (unsigned long long)gcc,
		 (unsigned long long)gcc);
	if (strncmp(notices, "1/*", 3) != 0)
		snprintf(want, sizeof want, "%llu/*;%llu/12;1/*;",
			 (unsigned long long)gcc, (unsigned long long)gcc);
	CHECK_STR(notices, want);
	CHECK(holds("gcc/12/x", "new"));
	CHECK(node_of("gcc/12") != old);
	CHECK(node_holds(file, "old")); /* who holds it keeps it */
	CHECK_STR(names_of(old), "x ");
	view_end();
}

static void equal_layers_cause_no_notice(void)
{
	uint64_t node;

	view_begin();
	SET(at("a/b", "f x 1"), at("c", "f x 2"));
	node = node_of("a/b/x");
	CHECK(is_absent("d"));
	SET(at("a/b", "f x 1"), at("c", "f x 2"));
	CHECK_STR(notices, "");
	CHECK_INT(node_of("a/b/x"), node);
	view_end();
}

static void a_name_that_was_missed_is_noticed_when_it_appears(void)
{
	struct vv_attr attr;
	enum vv_life life;

	view_begin();
	SET(at("a", "f x 1"));
	CHECK_INT(vv_view_lookup(view, VV_NODE_ROOT, "gcc", 3, &attr, &life),
		  VV_ENOENT);
	CHECK_INT(life, VV_LIFE_FOREVER);
	CHECK_INT(vv_view_lookup(view, VV_NODE_ROOT, "gc", 2, &attr, &life), VV_ENOENT);
	SET(at("a", "f x 1"), at("gcc/12", "f x 1"));
	CHECK(is_noticed(1, "gcc") && is_noticed(1, "*"));
	CHECK(!is_noticed(1, "gc") && !is_noticed(1, "a"));
	view_end();
}

static void the_time_above_a_ref_changes_when_it_comes_moves_and_goes(void)
{
	struct vv_layer two[2], moved;
	struct vv_attr attr[4];

	view_begin();
	two[0] = at("gcc/12", "f x 1");
	two[1] = at("gcc/13", "f x 1");
	moved = at("gcc/13", "f x 2");
	moved.published_ns += 1000;
	set_layers(two, 1);
	CHECK_INT(walk("gcc", &attr[0]), VV_OK);
	CHECK_INT(attr[0].mtime_sec, 1);
	set_layers(two, 2);
	CHECK_INT(walk("gcc", &attr[1]), VV_OK);
	two[1] = moved;
	set_layers(two, 2);
	CHECK_INT(walk("gcc", &attr[2]), VV_OK);
	set_layers(&moved, 1);
	CHECK_INT(walk("gcc", &attr[3]), VV_OK);
	for (int i = 1; i < 4; i++)
		CHECK(attr[i].mtime_nsec != attr[i - 1].mtime_nsec);
	view_end();
}

static void a_removed_ref_takes_its_empty_parents_with_it(void)
{
	view_begin();
	SET(at("a", "f x 1"), at("gcc/12", "f x 1"));
	(void)node_of("gcc/12");
	SET(at("a", "f x 1"));
	CHECK(is_noticed(1, "gcc") && is_noticed(2, "12") && is_noticed(2, "*"));
	CHECK(is_absent("gcc"));
	CHECK_STR(names_of(2), "");
	view_end();
}

static void a_layer_put_into_a_tree_is_noticed_at_the_name_above(void)
{
	uint64_t usr;

	view_begin();
	SET(at("", "f usr/lib/a 1"));
	usr = node_of("usr");
	CHECK(usr >> 63);
	SET(at("", "f usr/lib/a 1"), at("usr/lib/gcc", "f x 1"));
	CHECK(is_noticed(1, "usr"));
	CHECK(is_absent("usr/lib/b"));
	CHECK(holds("usr/lib/gcc/x", "1"));
	SET(at("", "f usr/lib/a 1"));
	CHECK(is_noticed(1, "usr"));
	CHECK_INT(node_of("usr"), usr);
	view_end();
}

static void exchanged_priorities_are_noticed(void)
{
	view_begin();
	SET(at("t", "f x one"), at("t", "f x two"));
	CHECK(holds("t/x", "one"));
	SET(at("t", "f x two"), at("t", "f x one"));
	CHECK(is_noticed(1, "t"));
	CHECK(holds("t/x", "two"));
	view_end();
}

static void a_forgotten_node_has_no_more_notices(void)
{
	uint64_t gcc, twelve;

	view_begin();
	SET(at("gcc/12", "f x 1"));
	twelve = node_of("gcc/12");
	gcc = node_of("gcc");
	vv_view_forget(view, twelve, 1);
	vv_view_forget(view, gcc, 2);
	SET(at("gcc/12", "f x 2"));
	CHECK(!is_noticed(gcc, "12") && !is_noticed(gcc, "*"));
	CHECK(!is_noticed(1, "gcc"));
	view_end();
}

static void retired_trees_are_named_until_they_are_forgotten(void)
{
	struct vv_id id, old;
	uint64_t node;
	size_t pos = 0;

	view_begin();
	SET(at("t", "f x 1"));
	old = shelf_add(&shelf, "f x 1")->tree.id;
	node = node_of("t");
	CHECK_INT(vv_view_retired_next(view, &pos, &id), 0);
	SET(at("t", "f x 2"));
	pos = 0;
	CHECK_INT(vv_view_retired_next(view, &pos, &id), 1);
	CHECK(vv_id_equal(&id, &old));
	CHECK_INT(vv_view_retired_next(view, &pos, &id), 0);
	vv_view_forget(view, node, 1);
	pos = 0;
	CHECK_INT(vv_view_retired_next(view, &pos, &id), 0);
	CHECK_INT(atomic_load(&shelf.closes), 1);
	view_end();
}

static void a_slot_used_again_has_another_generation(void)
{
	struct vv_attr first, attr;
	bool seen = false;

	view_begin();
	SET(at("t", "f x 1"));
	CHECK_INT(walk("t", &first), VV_OK);
	vv_view_forget(view, first.node, 1);
	for (int i = 0; i < 70000 && !seen; i++) {
		struct vv_layer layer = at("t", i % 2 ? "f x 1" : "f x 2");

		set_layers(&layer, 1);
		CHECK_INT(walk("t", &attr), VV_OK);
		seen = attr.node == first.node;
		CHECK(!seen || attr.generation != first.generation);
		vv_view_forget(view, attr.node, 1);
	}
	CHECK(seen);
	view_end();
}

static void a_listing_goes_on_behind_its_name_after_a_change(void)
{
	struct text t = { .room = 5 }; /* . .. b d */

	view_begin();
	SET(at("b", ""), at("d", ""), at("f", ""), at("h", ""));
	CHECK_INT(vv_view_readdir(view, 1, NULL, 0, false, add_text, &t), VV_OK);
	CHECK_STR(t.bytes, "b/ d/ ");
	SET(at("a", ""), at("c", ""), at("e", ""), at("f", ""), at("g", ""),
	    at("h", ""), at("i", ""));
	t.room = 0;
	CHECK_INT(vv_view_readdir(view, 1, NULL, t.next, false, add_text, &t), VV_OK);
	CHECK_STR(t.bytes, "b/ d/ e/ f/ g/ h/ i/ ");
	view_end();
}

static void names_beyond_the_bound_live_shortly(void)
{
	struct vv_attr attr;
	enum vv_life life = VV_LIFE_NONE;
	char name[16];
	int forever = 0;

	view_begin();
	SET(at("a", "f x 1"));
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "n%d", i);
		CHECK_INT(vv_view_lookup(view, 1, name, strlen(name), &attr, &life),
			  VV_ENOENT);
		forever += life == VV_LIFE_FOREVER;
	}
	CHECK_INT(forever, 4096);
	CHECK_INT(life, VV_LIFE_SHORT);
	view_end();
}

static void a_thousand_refs_mount_without_being_opened(void)
{
	static struct vv_layer layers[1000];
	static char paths[1000][16];
	uint64_t begin, spent;

	view_begin();
	for (int i = 0; i < 1000; i++) {
		snprintf(paths[i], sizeof paths[i], "g%d/v%03d", i % 10, i);
		layers[i] = at(paths[i], i % 2 ? "f x odd" : "f x even");
	}
	begin = vv_clock_ns();
	set_layers(layers, 1000);
	spent = vv_clock_ns() - begin;
	printf("# 1000 layers in %llu us\n", (unsigned long long)spent / 1000);
	CHECK(strlen(names_at("g3")) == 100 * 6);
	CHECK_INT(atomic_load(&shelf.opens), 0);
	CHECK(holds("g7/v457/x", "odd"));
	layers[457] = at(paths[457], "f x moved");
	begin = vv_clock_ns();
	set_layers(layers, 1000);
	spent = vv_clock_ns() - begin;
	printf("# one of them moved in %llu us\n", (unsigned long long)spent / 1000);
	CHECK(holds("g7/v457/x", "moved"));
	view_end();
}

static void messages_name_the_path(void)
{
	struct vv_layer layer;
	char buf[64];
	size_t len;

	view_begin();
	layer = at("gcc/12", "f lib/a/cc1 x\nf lib/b 1\nd lib/c");
	layer.tag = 5;
	set_layers(&layer, 1);
	len = vv_view_describe(view, node_of("gcc/12/lib/a/cc1"), buf, sizeof buf);
	CHECK_STR(buf, "/gcc/12/lib/a/cc1");
	CHECK_INT(len, strlen(buf));
	vv_view_describe(view, node_of("gcc"), buf, sizeof buf);
	CHECK_STR(buf, "/gcc");
	vv_view_describe(view, 1, buf, sizeof buf);
	CHECK_STR(buf, "/");
	CHECK_INT(vv_view_layer_tag(view, node_of("gcc/12/lib")), 5);
	CHECK_INT(vv_view_layer_tag(view, node_of("gcc")), -1);
	view_end();
}

int main(void)
{
	RUN(a_view_without_layers_is_an_empty_directory);
	RUN(a_ref_shows_at_its_path_and_nothing_beside_it);
	RUN(attributes_are_those_of_the_entry);
	RUN(xattrs_ask_for_size_and_refuse_small_buffers);
	RUN(inode_numbers_are_unique_and_last);
	RUN(two_equal_layers_at_one_path_have_numbers_of_their_own);
	RUN(a_listing_goes_on_where_the_buffer_was_full);
	RUN(listing_with_attributes_opens_no_tree);
	RUN(lookups_counted_by_a_listing_hold_the_tree);
	RUN(a_tree_that_cannot_be_opened_hurts_only_its_path);
	RUN(a_page_lost_during_a_question_is_an_io_error);
	RUN(bad_ids_and_names_are_refused);
	RUN(layers_at_improper_paths_are_refused);
	RUN(the_first_layer_wins_and_directories_merge);
	RUN(a_directory_of_one_layer_alone_is_a_node_of_its_tree);
	RUN(a_file_hides_directories_below_and_is_hidden_by_those_above);
	RUN(whiteouts_hide_names_where_directories_merge);
	RUN(a_whiteout_in_a_single_tree_is_a_device);
	RUN(an_opaque_directory_hides_what_is_below);
	RUN(a_layer_inside_another_shows_at_its_depth);
	RUN(order_decides_between_a_file_and_a_layer_beneath_its_name);
	RUN(a_layer_at_the_root_shares_it_with_the_others);
	RUN(a_moved_ref_is_noticed_and_no_other);
	RUN(equal_layers_cause_no_notice);
	RUN(a_name_that_was_missed_is_noticed_when_it_appears);
	RUN(the_time_above_a_ref_changes_when_it_comes_moves_and_goes);
	RUN(a_removed_ref_takes_its_empty_parents_with_it);
	RUN(a_layer_put_into_a_tree_is_noticed_at_the_name_above);
	RUN(exchanged_priorities_are_noticed);
	RUN(a_forgotten_node_has_no_more_notices);
	RUN(retired_trees_are_named_until_they_are_forgotten);
	RUN(a_slot_used_again_has_another_generation);
	RUN(a_listing_goes_on_behind_its_name_after_a_change);
	RUN(names_beyond_the_bound_live_shortly);
	RUN(a_thousand_refs_mount_without_being_opened);
	RUN(messages_name_the_path);
	return test_report();
}
