#include "cli/pieces.h"
#include "cli/verbs.h"

#include "core/err.h"
#include "store/path.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *store_path;
static bool is_long, json, recursive;

/* ---- refs ---- */

static void print_ref(const struct vv_ref *r)
{
	char hex[VV_ID_HEX_BYTES], date[32], size[32];

	if (json) {
		printf("{\"ref\": ");
		vv_print_json_text(r->name, strlen(r->name));
		printf(", \"tree\": \"%s\", \"published_ns\": %" PRId64
		       ", \"files\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n",
		       vv_id_to_hex(&r->tree, hex), r->published_ns, r->files,
		       r->bytes);
	} else if (is_long) {
		printf("%.16s  %s  %8" PRIu64 " files  %9s  %s\n",
		       vv_id_to_hex(&r->tree, hex),
		       vv_human_date(date, r->published_ns), r->files,
		       vv_human_bytes(size, r->bytes), r->name);
	} else {
		puts(r->name);
	}
}

static int list_refs(struct vv_store *store)
{
	struct vv_ref_list list;
	size_t bad = 0;
	int err = vv_ref_list_get(store, &list, &bad);

	if (err)
		return vv_say_failed(err, "cannot list the refs");
	for (size_t i = 0; i < list.count; i++)
		print_ref(&list.items[i]);
	vv_ref_list_fini(&list);
	return bad ? VV_EXIT_FAILED : VV_EXIT_OK;
}

/* ---- entries ---- */

static char type_letter(uint32_t mode)
{
	switch (mode & VV_S_IFMT) {
	case VV_S_IFDIR: return 'd';
	case VV_S_IFLNK: return 'l';
	case VV_S_IFCHR: return 'c';
	case VV_S_IFBLK: return 'b';
	case VV_S_IFIFO: return 'p';
	case VV_S_IFSOCK: return 's';
	default: return '-';
	}
}

static void mode_text(char out[11], uint32_t mode)
{
	static const char letters[] = "rwxrwxrwx";

	out[0] = type_letter(mode);
	for (int i = 0; i < 9; i++)
		out[1 + i] = mode & (0400u >> i) ? letters[i] : '-';
	if (mode & 04000)
		out[3] = mode & 0100 ? 's' : 'S';
	if (mode & 02000)
		out[6] = mode & 0010 ? 's' : 'S';
	if (mode & 01000)
		out[9] = mode & 0001 ? 't' : 'T';
	out[10] = '\0';
}

/* Dates beyond 1677 and 2262 are shown as the nearest that 64 bits of nanoseconds hold. */
static int64_t ns_of(int64_t sec)
{
	const int64_t billion = 1000000000;

	if (sec > INT64_MAX / billion)
		return INT64_MAX;
	return sec < INT64_MIN / billion ? INT64_MIN : sec * billion;
}

static void print_line(const struct vv_entry *e, const char *path, const char *target,
		       size_t target_len)
{
	char mode[11], date[32];

	if (is_long) {
		mode_text(mode, e->mode);
		printf("%s %3u %5u %5u %11" PRIu64 " %s ", mode, e->nlink, e->uid,
		       e->gid, e->size, vv_human_date(date, ns_of(e->mtime_sec)));
	}
	fputs(path, stdout);
	if (is_long && target_len)
		printf(" -> %.*s", (int)target_len, target);
	putchar('\n');
}

static void print_json(const struct vv_entry *e, const char *path, const char *target,
		       size_t target_len)
{
	printf("{\"path\": ");
	vv_print_json_text(path, strlen(path));
	printf(", \"type\": \"%c\", \"mode\": %u, \"uid\": %u, \"gid\": %u, \"size\": %" PRIu64
	       ", \"links\": %u, \"mtime_sec\": %" PRId64 ", \"mtime_nsec\": %u",
	       type_letter(e->mode), e->mode & 07777, e->uid, e->gid, e->size, e->nlink,
	       e->mtime_sec, e->mtime_nsec);
	if (target_len) {
		printf(", \"target\": ");
		vv_print_json_text(target, target_len);
	}
	puts("}");
}

static int print_entry(const struct vv_tree *tree, uint32_t index, const char *prefix,
		       const char *name, size_t len)
{
	struct vv_entry e;
	const char *target = "";
	size_t prefix_len = strlen(prefix), target_len = 0;
	char *path = NULL;
	int err = vv_tree_entry(tree, index, &e);

	if (!err && (e.mode & VV_S_IFMT) == VV_S_IFLNK)
		err = vv_tree_target(tree, &e, &target, &target_len);
	if (!err && !(path = malloc(prefix_len + len + 1)))
		err = VV_ENOMEM;
	if (err)
		return err;
	memcpy(path, prefix, prefix_len);
	memcpy(path + prefix_len, name, len);
	path[prefix_len + len] = '\0';
	if (json)
		print_json(&e, path, target, target_len);
	else
		print_line(&e, path, target, target_len);
	free(path);
	return 0;
}

/* Directories still to be listed, each with the path that leads to it: depth first without recursion. */
struct pending {
	struct pending *next; /* owned */
	uint32_t dir;
	char path[];
};

static int push(struct pending **list, uint32_t dir, const char *prefix,
		const char *name, size_t len)
{
	size_t prefix_len = strlen(prefix);
	struct pending *p;

	if (prefix_len + len + 1 > VV_PATH_BYTES_MAX)
		return VV_ECORRUPT; /* deeper than the format allows */
	p = malloc(sizeof *p + prefix_len + len + 2);
	if (!p)
		return VV_ENOMEM;
	p->dir = dir;
	memcpy(p->path, prefix, prefix_len);
	memcpy(p->path + prefix_len, name, len);
	memcpy(p->path + prefix_len + len, len ? "/" : "", len ? 2 : 1);
	p->next = *list;
	*list = p;
	return 0;
}

/*
 * *@left: entries that were not told yet.  In a bad tree directories may share children,
 * and what is below them would be told twice as often at each level.
 */
static int list_directory(const struct vv_tree *tree, const struct pending *at,
			  struct pending **todo, uint32_t *left)
{
	struct vv_entry dir, child;
	const char *name;
	size_t len;
	int err = vv_tree_entry(tree, at->dir, &dir);

	if (!err && dir.child_count > *left)
		err = VV_ECORRUPT;
	*left -= err ? 0 : dir.child_count;
	/* Backwards on the second pass, so that the first child is on top of the stack. */
	for (uint32_t i = 0; !err && i < dir.child_count; i++) {
		err = vv_tree_name(tree, dir.child_first + i, &name, &len);
		if (!err)
			err = print_entry(tree, dir.child_first + i, at->path, name,
					  len);
	}
	for (uint32_t i = dir.child_count; !err && recursive && i-- > 0;) {
		err = vv_tree_entry(tree, dir.child_first + i, &child);
		if (err || (child.mode & VV_S_IFMT) != VV_S_IFDIR)
			continue;
		err = vv_tree_name(tree, dir.child_first + i, &name, &len);
		if (!err)
			err = push(todo, dir.child_first + i, at->path, name, len);
	}
	return err;
}

static int list_below(const struct vv_tree *tree, uint32_t dir)
{
	struct pending *todo = NULL;
	uint32_t left = tree->entry_count;
	int err = push(&todo, dir, "", "", 0);

	while (!err && todo) {
		struct pending *at = todo;

		todo = at->next;
		err = list_directory(tree, at, &todo, &left);
		free(at);
	}
	while (todo) {
		struct pending *next = todo->next;

		free(todo);
		todo = next;
	}
	return err;
}

static int list_path(struct vv_store *store, const char *ref_name, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	struct vv_found found;
	int err, status = vv_find(&found, store, ref_name, path);

	if (status)
		return status;
	if ((found.entry.mode & VV_S_IFMT) == VV_S_IFDIR)
		err = list_below(found.tree, found.entry.index);
	else
		err = print_entry(found.tree, found.entry.index, "", name,
				  strlen(name));
	vv_found_drop(&found);
	return err ? vv_say_failed(err, "cannot list '%s:%s'", ref_name, path)
		   : VV_EXIT_OK;
}

static int run(int count, char **words)
{
	const char *ref = NULL, *path = "";
	struct vv_store *store;
	int status = 0;

	if (count)
		status = vv_split_ref_path(words[0], &ref, &path);
	if (!status)
		status = vv_open_store(&store, store_path);
	if (status)
		return status;
	status = ref ? list_path(store, ref, path) : list_refs(store);
	vv_store_close(store);
	return status;
}

static const struct vv_option options[] = {
	VV_OPTION_STORE(&store_path),
	{ "long", 'l', VV_OPTION_FLAG, &is_long, "", "sizes, times, owners" },
	{ "recursive", 'R', VV_OPTION_FLAG, &recursive, "", "everything below" },
	{ "json", 0, VV_OPTION_FLAG, &json, "", "print JSON, a line each" },
	{ 0 },
};

const struct vv_verb vv_verb_ls = {
	.name = "ls",
	.args = "[REF[:PATH]]",
	.summary = "list the refs of a store, or a directory of a ref",
	.options = options,
	.args_max = 1,
	.run = run,
};
