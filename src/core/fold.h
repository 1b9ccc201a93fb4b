/*
 * fold.h - are two names the same to somebody who does not see case?
 *
 * The rule is the one of Windows file systems, so that what is shown there, and
 * to Wine, is found again: a name is a row of UTF-16 units, and each unit is
 * mapped by one fixed table (upcase_table.h).  No locale, no normalisation, no
 * mapping of one character to two; characters beyond the BMP have no case.
 *
 * Any bytes fold.  Where no well-formed sequence begins (vv_utf_decode()), one
 * byte is taken and becomes the unit 0xdc00 + byte, a low surrogate that valid
 * names do not have alone.  A surrogate in WTF-8 becomes its own unit, so a pair
 * written as twice three bytes folds like the character it stands for.
 *
 * The order of folded names is part of the store format (docs/format.md, section
 * 6.1): rows are compared unit by unit as numbers, a prefix comes first.  Names
 * that fold alike compare as equal here; who sorts breaks ties by their bytes.
 *
 * Threads: pure functions.
 */
#ifndef VV_CORE_FOLD_H
#define VV_CORE_FOLD_H

#include <stddef.h>
#include <stdint.h>

uint16_t vv_upcase(uint16_t unit);

/* Less than, equal to or greater than 0, as @a sorts before, with or after @b. */
int vv_fold_cmp(const char *a, size_t a_len, const char *b, size_t b_len);

/*
 * Equal for names that fold alike.  For tables in memory: not part of the format,
 * and no defence against somebody who chooses names to collide.
 */
uint64_t vv_fold_hash(const char *name, size_t len);

#endif
