/*
 * Every rule of docs/format.md, section 6, canonical order included.
 *
 * The queries of tree.c refuse what would hurt; this pass refuses whatever a builder
 * would have written differently.  Entries are in breadth-first order, so one walk
 * sees each directory before its children, and a second cursor that trails behind
 * (`parent`) always stands on the directory whose run the walk is in.
 */
#include "core/arith.h"
#include "core/err.h"
#include "core/fold.h"
#include "format/tree_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {		 /* of extras */
	uint64_t offset; /* in the section */
	const uint8_t *bytes;
	uint64_t size;
};

struct check {
	const struct vv_tree *t;
	char *why; /* borrowed */
	size_t why_size;

	uint32_t *links;      /* owned; entry -> further hard links to it */
	uint64_t *blob_sizes; /* owned; blob -> size, 0 = not seen */

	uint32_t next;		    /* where the next run of children must begin */
	uint32_t level_end, depth;  /* of the walk */
	struct vv_entry parent;	    /* directory whose run the walk is in */
	uint32_t subdirs;	    /* seen in that run */
	uint32_t attrs, blobs;	    /* used so far */
	uint64_t targets;	    /* bytes used so far */
	uint64_t files, file_bytes; /* counted */
};

static int fail(struct check *c, int err, uint32_t entry, const char *what)
{
	if (c->why_size)
		snprintf(c->why, c->why_size, "entry %u: %s", entry, what);
	return err;
}

static int bad(struct check *c, uint32_t entry, const char *what)
{
	return fail(c, VV_ECORRUPT, entry, what);
}

static int bad_section(struct check *c, int err, const char *what)
{
	if (c->why_size)
		snprintf(c->why, c->why_size, "%s", what);
	return err;
}

/* ---- the walk over the entries ---- */

static int check_subdirs(struct check *c)
{
	if (c->subdirs != c->parent.nlink - 2)
		return bad(c, c->parent.index, "wrong number of sub-directories");
	return VV_OK;
}

/*
 * Moves the trailing cursor to the directory that holds @index.  There is one before
 * @index, since the runs seen so far lie end to end and @index is below c->next.
 */
static int find_parent(struct check *c, uint32_t index)
{
	while (index - c->parent.child_first >= c->parent.child_count) {
		uint32_t next = c->parent.index + 1;
		int err;

		if ((c->parent.mode & VV_S_IFMT) == VV_S_IFDIR && check_subdirs(c))
			return VV_ECORRUPT;
		err = vv_tree_entry(c->t, next, &c->parent);
		if (err)
			return fail(c, err, next, vv_err_text(err));
		c->subdirs = 0;
	}
	return VV_OK;
}

static int check_depth(struct check *c, uint32_t index)
{
	if (index < c->level_end)
		return VV_OK;
	c->level_end = c->next;
	if (++c->depth > VV_DEPTH_MAX)
		return bad(c, index, "too deep");
	return VV_OK;
}

static int check_name(struct check *c, uint32_t index)
{
	const char *name, *before;
	size_t len, before_len;
	int err = vv_tree_name(c->t, index, &name, &len);

	if (err)
		return fail(c, err, index, "not a name");
	if (index == VV_TREE_ROOT) {
		const uint8_t *row;

		err = vv_image_get(&c->t->image, c->t->entries, VV_ENT_ROW, &row);
		if (err || vv_get_le32(row + VV_ENT_NAME) != 0)
			return bad(c, index, "names do not begin at 0");
		return VV_OK;
	}
	if (index == c->parent.child_first)
		return VV_OK;
	err = vv_tree_name_get(c->t, index - 1, &before, &before_len);
	if (err || vv_tree_name_compare(before, before_len, name, len) >= 0)
		return bad(c, index, "names out of order");
	return VV_OK;
}

/* By number of its first use; a further hard link uses nothing. */
static int check_attr(struct check *c, uint32_t index)
{
	const uint8_t *row;
	uint32_t attr;
	int err =
		vv_image_get(&c->t->image, c->t->entries + (uint64_t)index * VV_ENT_ROW,
			     VV_ENT_ROW, &row);

	if (err)
		return fail(c, err, index, vv_err_text(err));
	attr = vv_get_le32(row + VV_ENT_ATTR);
	if (attr & VV_TRE_LINK)
		return VV_OK;
	if (attr > c->attrs)
		return bad(c, index, "attributes not in order of first use");
	if (attr == c->attrs)
		c->attrs++;
	return VV_OK;
}

static int check_directory(struct check *c, const struct vv_entry *e)
{
	if (e->index != VV_TREE_ROOT) {
		if (e->parent != c->parent.index)
			return bad(c, e->index, "wrong parent");
		c->subdirs++;
	}
	if (e->child_count == 0)
		return VV_OK;
	if (e->child_first != c->next)
		return bad(c, e->index, "children out of order");
	c->next += e->child_count;
	return VV_OK;
}

static int check_regular(struct check *c, const struct vv_entry *e)
{
	if (!vv_add_u64(c->file_bytes, e->size, &c->file_bytes))
		return bad(c, e->index, "sum of sizes overflows");
	if (e->size == 0)
		return VV_OK;
	if (e->blob > c->blobs)
		return bad(c, e->index, "blobs not in order of first use");
	if (e->blob == c->blobs)
		c->blob_sizes[c->blobs++] = e->size;
	if (c->blob_sizes[e->blob] != e->size)
		return bad(c, e->index, "one blob with two sizes");
	return VV_OK;
}

static int check_symlink(struct check *c, const struct vv_entry *e)
{
	const char *target;
	size_t len;
	int err;

	if (e->target != c->targets)
		return bad(c, e->index, "symlink targets out of order");
	c->targets += e->size;
	err = vv_tree_target(c->t, e, &target, &len);
	return err ? fail(c, err, e->index, "not a symlink target") : VV_OK;
}

static int check_entry(struct check *c, uint32_t index)
{
	struct vv_entry e;
	int err = vv_tree_entry(c->t, index, &e);

	if (err)
		return fail(c, err, index, vv_err_text(err));
	if ((e.mode & VV_S_IFMT) == VV_S_IFREG)
		c->files++;
	if (e.first != index) {
		c->links[e.first]++;
		return VV_OK;
	}
	switch (e.mode & VV_S_IFMT) {
	case VV_S_IFDIR: return check_directory(c, &e);
	case VV_S_IFREG: return check_regular(c, &e);
	case VV_S_IFLNK: return check_symlink(c, &e);
	default: return VV_OK;
	}
}

static int check_place(struct check *c, uint32_t index)
{
	int err;

	if (index == VV_TREE_ROOT)
		return VV_OK;
	if (index >= c->next)
		return bad(c, index, "in no directory");
	err = check_depth(c, index);
	return err ? err : find_parent(c, index);
}

static int check_entries(struct check *c)
{
	int err = vv_tree_entry(c->t, VV_TREE_ROOT, &c->parent);

	if (err)
		return fail(c, err, VV_TREE_ROOT, vv_err_text(err));
	c->next = c->level_end = 1;
	for (uint32_t i = 0; i < c->t->entry_count; i++) {
		err = check_place(c, i);
		if (!err)
			err = check_name(c, i);
		if (!err)
			err = check_attr(c, i);
		if (!err)
			err = check_entry(c, i);
		if (err)
			return err;
	}
	return check_subdirs(c);
}

static int check_link_counts(struct check *c)
{
	for (uint32_t i = 0; i < c->t->entry_count; i++) {
		struct vv_entry e;
		int err = vv_tree_entry(c->t, i, &e);

		if (err)
			return fail(c, err, i, vv_err_text(err));
		if (e.first == i && (e.mode & VV_S_IFMT) != VV_S_IFDIR &&
		    e.nlink != c->links[i] + 1)
			return bad(c, i, "wrong link count");
	}
	return VV_OK;
}

static int check_totals(struct check *c)
{
	const struct vv_tree *t = c->t;

	if (c->next != t->entry_count)
		return bad_section(c, VV_ECORRUPT, "entries are missing");
	if (c->attrs != t->attr_count || c->blobs != t->blob_count ||
	    c->targets != t->targets_size)
		return bad_section(c, VV_ECORRUPT,
				   "attributes, blobs or targets that nothing uses");
	if (c->files != t->file_count || c->file_bytes != t->file_bytes)
		return bad_section(c, VV_ECORRUPT, "wrong totals in the header");
	return VV_OK;
}

/* ---- the folded order ---- */

/* Each strictly after the one before: so none twice, and none missing. */
static int check_folded_run(struct check *c, const struct vv_entry *dir)
{
	const char *name, *before = NULL;
	size_t len, before_len = 0;

	for (uint32_t k = 0; k < dir->child_count; k++) {
		uint32_t child;
		int err = vv_tree_folded_child(c->t, dir, k, &child), cmp = -1;

		if (!err)
			err = vv_tree_name_get(c->t, child, &name, &len);
		if (err)
			return fail(c, err, dir->index, "bad folded order");
		if (before)
			cmp = vv_fold_cmp(before, before_len, name, len);
		if (cmp == 0)
			cmp = vv_tree_name_compare(before, before_len, name, len);
		if (cmp >= 0)
			return bad(c, dir->index, "children not in folded order");
		before = name;
		before_len = len;
	}
	return VV_OK;
}

static int check_folded(struct check *c)
{
	const uint8_t *row;
	int err = vv_image_get(&c->t->image, c->t->fold, 4, &row);

	if (err || vv_get_le32(row) != 0)
		return bad_section(c, err ? err : VV_ECORRUPT,
				   "folded order does not begin with 0");
	for (uint32_t i = 0; i < c->t->entry_count; i++) {
		struct vv_entry e;

		err = vv_tree_entry(c->t, i, &e);
		if (!err && e.child_count)
			err = check_folded_run(c, &e);
		if (err)
			return err;
	}
	return VV_OK;
}

/* ---- extras ---- */

static int check_extra_padding(struct check *c, const struct vv_extra *x, uint64_t end)
{
	const uint8_t *section, *p = x->value + x->value_len;
	int err = vv_image_get(&c->t->image, c->t->extras, end, &section);

	if (err)
		return err;
	for (; p < section + end; p++) {
		if (*p)
			return VV_ECORRUPT;
	}
	return VV_OK;
}

static bool is_extra_after(const struct vv_extra *before, const struct vv_extra *x)
{
	if (before->type != x->type)
		return before->type < x->type;
	return vv_tree_name_compare(before->name, before->name_len, x->name,
				    x->name_len) < 0;
}

/* The items of the list at @list->offset; sets its bytes and size. */
static int check_list(struct check *c, struct list *list)
{
	struct vv_extra x, before = { 0 };
	uint64_t at = list->offset, next;

	for (;;) {
		int found = vv_tree_extra_get(c->t, at, &next, &x);
		int err;

		if (found < 0)
			return found;
		if (found == 0)
			break;
		err = check_extra_padding(c, &x, next);
		if (err || (before.type && !is_extra_after(&before, &x)))
			return err ? err : VV_ECORRUPT;
		before = x;
		at = next;
	}
	if (at == list->offset)
		return VV_ECORRUPT; /* no items: should have been 0 */
	list->size = next - list->offset;
	return vv_image_get(&c->t->image, c->t->extras + list->offset, list->size,
			    &list->bytes);
}

static int compare_offsets(const void *a, const void *b)
{
	const struct list *la = a, *lb = b;

	return (la->offset > lb->offset) - (la->offset < lb->offset);
}

static int compare_lists(const void *a, const void *b)
{
	const struct list *la = a, *lb = b;

	if (la->size != lb->size)
		return la->size < lb->size ? -1 : 1;
	return memcmp(la->bytes, lb->bytes, la->size);
}

/* Lists lie end to end in the order in which the attributes first use them. */
static int collect_lists(struct check *c, struct list *lists, uint32_t *count)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < c->t->attr_count; i++) {
		struct list list = { 0 };
		const uint8_t *row;
		uint64_t extras;
		int err = vv_tree_attr_get(c->t, i, &row);

		if (err)
			return err;
		extras = vv_get_le64(row + VV_ATR_EXTRAS);
		list.offset = extras - 1;
		if (extras == 0 ||
		    bsearch(&list, lists, *count, sizeof *lists, compare_offsets))
			continue;
		if (list.offset != end)
			return VV_ECORRUPT;
		err = check_list(c, &list);
		if (err)
			return err;
		end += list.size;
		lists[(*count)++] = list;
	}
	return end == c->t->extras_size ? VV_OK : VV_ECORRUPT;
}

static int check_extras(struct check *c)
{
	struct list *lists = calloc((size_t)c->t->attr_count + 1, sizeof *lists);
	uint32_t count = 0;
	int err;

	if (!lists)
		return VV_ENOMEM;
	err = collect_lists(c, lists, &count);
	if (err)
		bad_section(c, err, "extras break a rule or are not in order");
	else
		qsort(lists, count, sizeof *lists, compare_lists);
	for (uint32_t i = 1; !err && i < count; i++) {
		if (compare_lists(&lists[i - 1], &lists[i]) == 0)
			err = bad_section(c, VV_ECORRUPT, "a list of extras twice");
	}
	free(lists);
	return err;
}

/* ---- nothing twice, nothing between ---- */

static int compare_attrs(const void *a, const void *b)
{
	return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b,
		      VV_ATR_ROW);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b,
		      VV_ID_BYTES);
}

/* Rows of a table whose pages are known to be good. */
static int check_distinct(struct check *c, uint64_t table, size_t row_size,
			  uint32_t count, int (*compare)(const void *, const void *),
			  const char *what)
{
	const uint8_t **rows = calloc((size_t)count + 1, sizeof *rows);
	int err = VV_OK;

	if (!rows)
		return VV_ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		rows[i] = c->t->image.body + table + (size_t)i * row_size;
	qsort(rows, count, sizeof *rows, compare);
	for (uint32_t i = 1; !err && i < count; i++) {
		if (compare(&rows[i - 1], &rows[i]) == 0)
			err = bad_section(c, VV_ECORRUPT, what);
	}
	free(rows);
	return err;
}

static int check_gap(struct check *c, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		if (c->t->image.body[i])
			return bad_section(c, VV_ECORRUPT, "padding is not zero");
	}
	return VV_OK;
}

static int check_tables(struct check *c)
{
	const struct vv_tree *t = c->t;
	int err = check_gap(c, t->fold + (uint64_t)t->entry_count * 4, t->attrs);

	if (!err)
		err = check_gap(c, t->names + t->names_size, t->targets);
	if (!err)
		err = check_gap(c, t->targets + t->targets_size, t->extras);
	if (!err)
		err = check_distinct(c, t->attrs, VV_ATR_ROW, t->attr_count,
				     compare_attrs, "attributes twice");
	if (!err)
		err = check_distinct(c, t->blobs, VV_ID_BYTES, t->blob_count,
				     compare_ids, "a blob id twice");
	return err;
}

int vv_tree_verify(const struct vv_tree *tree, char *why, size_t why_size)
{
	struct check c = { .t = tree, .why = why, .why_size = why_size };
	int err;

	if (why_size)
		why[0] = '\0';
	err = vv_image_verify(&tree->image);
	if (err)
		return bad_section(&c, err, "a page is damaged, or the padding");
	c.links = calloc(tree->entry_count, sizeof *c.links);
	c.blob_sizes = calloc((size_t)tree->blob_count + 1, sizeof *c.blob_sizes);
	if (!c.links || !c.blob_sizes)
		err = VV_ENOMEM;
	if (!err)
		err = check_entries(&c);
	if (!err)
		err = check_link_counts(&c);
	if (!err)
		err = check_totals(&c);
	free(c.links);
	free(c.blob_sizes);
	if (!err)
		err = check_folded(&c);
	if (!err)
		err = check_extras(&c);
	if (!err)
		err = check_tables(&c);
	return err;
}
