/*
 * branch.h - makes calls and jumps of x86 machine code absolute, so that they compress.
 *
 * A call names its target by the distance from the next instruction, so calls of one
 * function from many places look all different.  With the place added they look alike.
 * This is filter 1 of docs/format.md, section 7, which says it in full:
 *
 *	at = 0
 *	while at + 5 <= len
 *		if bytes[at] is not 0xe8 or 0xe9: at += 1, and on
 *		if bytes[at + 4] is 0x00 or 0xff
 *			n = the u32 at at + 1, + at + 5	(decoding: - (at + 5))
 *			the u32 becomes the low 25 bits of n, bit 24 copied to 25-31
 *		at += 5
 *
 * What is written has 0x00 or 0xff on top again and the bytes that steer the walk stay, so
 * decoding finds the same places.  Any bytes can be encoded, and any can be decoded.
 *
 * Threads: pure functions.
 */
#ifndef VV_CODEC_BRANCH_H
#define VV_CODEC_BRANCH_H

#include <stddef.h>
#include <stdint.h>

/* In place; how many branches were found. */
size_t vv_branch_encode(uint8_t *bytes, size_t len);
void vv_branch_decode(uint8_t *bytes, size_t len);

#endif
