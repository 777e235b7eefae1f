// Attention over a paged cache in two steps. First the keys of a sequence are cut into pieces of
// 256; each block makes, for some query rows and one piece, the largest score, the sum of the
// weights relative to it, and the weighted sum of the values. Then each row adds its pieces up in
// order. What happens to a row in a block does not depend on which other rows are there: every sum
// runs over the keys in an order of their own, and a key that a row does not see adds zero.
#pragma once

#include <climits>

#include "attention.cuh"

namespace stylear::cuda {

constexpr int piece_keys = 256;

// Q and C are the types of the queries and of the cache.
template <class Q, class C>
struct PagedPieces {
  const Q* q;                  // [sequences, queries, heads, dim]
  const C *k_pages, *v_pages;  // [pages, kv_heads, page_tokens, dim]
  const int *table, *lengths;  // [sequences, max_pages], [sequences]
  float* sums;                 // [sequences, queries, heads, pieces, dim]
  float2* statistics;          // [sequences, queries, heads, pieces]: largest score, in base 2,
                               // and sum of weights
  int queries, heads, kv_heads, dim, page_tokens, max_pages, pages, pieces;
  float scale;
  bool wide;  // every row starts at a multiple of 16 bytes
  FaultSite length_fault, page_fault;

  // Tokens of the sequence. A length out of range is reported and counts as the nearest in range.
  __device__ __forceinline__ int length(int sequence) const {
    const int given = lengths[sequence];
    const int length =
        max(0, min(given, int(min(int64_t{max_pages} * page_tokens, int64_t{INT_MAX}))));
    if (length != given && threadIdx.x == 0) length_fault.report(given);
    return length;
  }
  // Query row i sees the keys [0, end).
  __device__ __forceinline__ int end(int length, int query) const {
    return max(0, length - queries + query + 1);
  }
  // Where key `key` lies in k_pages and v_pages. A page out of range is reported and replaced.
  __device__ __forceinline__ int64_t key_at(int sequence, int kv_head, int key) const {
    int page = table[int64_t{sequence} * max_pages + key / page_tokens];
    if (page < 0 || page >= pages) {
      page_fault.report(page);
      page = 0;
    }
    return ((int64_t{page} * kv_heads + kv_head) * page_tokens + key % page_tokens) * dim;
  }
};

// The query rows of one sequence that share a key-value head: row r is head r % group of the heads
// that share it, of query r / group.
struct SharedRows {
  int sequence, kv_head, group, queries, heads;

  __device__ __forceinline__ int count() const { return queries * group; }
  __device__ __forceinline__ int query(int row) const { return row / group; }
  // Index among all [sequences, queries, heads].
  __device__ __forceinline__ int64_t index(int row) const {
    return (int64_t{sequence} * queries + row / group) * heads + kv_head * group + row % group;
  }
};

// What block `block` of a grid over sequences, key-value heads, groups of `rows` rows, and pieces
// has to do.
struct PieceOfRows {
  SharedRows rows;
  int first_row, first_key, piece;

  template <class Q, class C>
  __device__ __forceinline__ PieceOfRows(const PagedPieces<Q, C>& p, int rows_per_block) {
    const int group = p.heads / p.kv_heads;
    const int row_blocks = ceil_div(p.queries * group, rows_per_block);
    int64_t block = blockIdx.x;
    piece = int(block % p.pieces);
    block /= p.pieces;
    first_row = int(block % row_blocks) * rows_per_block;
    block /= row_blocks;
    rows = {int(block / p.kv_heads), int(block % p.kv_heads), group, p.queries, p.heads};
    first_key = piece * piece_keys;
  }
};

// bf16 queries and cache: tensor cores.
void attend_pieces_tiles(const PagedPieces<bf16, bf16>& p, int sequences, Stream& stream);
// Any types: multiplications and additions in f32.
template <class Q, class C>
void attend_pieces_plain(const PagedPieces<Q, C>& p, int sequences, Stream& stream);

}  // namespace stylear::cuda
