import { describe, expect, test } from 'vitest';
import { PagePool } from '../../lib/generate/page_pool.ts';

describe('PagePool', () => {
  test('gives each sequence pages of its own', () => {
    const pool = new PagePool(5, 4);
    const a = pool.reserve(8)!;
    const b = pool.reserve(9)!;
    expect(new Set([...a.pages, ...b.pages]).size).toBe(5);
    expect(pool.available).toBe(0);
  });

  test('refuses what does not fit now, and says what never will', () => {
    const pool = new PagePool(4, 4);
    const a = pool.reserve(12)!;
    expect(pool.reserve(8)).toBeUndefined();
    expect(pool.available).toBe(1);
    pool.release(a);
    expect(pool.reserve(16)).toBeDefined();
    expect(() => pool.reserve(17)).toThrow(
      'generate: expected the cache to have 5 pages for a sequence of 17 tokens, got 4.',
    );
  });

  test('shares the pages of a common beginning while they are held and after', () => {
    const pool = new PagePool(8, 4);
    const a = pool.reserve(12, ['x', 'xy'])!;
    expect(a.filled).toBe(0);
    pool.publish(a, ['x', 'xy']);
    const b = pool.reserve(12, ['x', 'xy'])!;
    expect(b.filled).toBe(2);
    expect(b.pages.slice(0, 2)).toEqual(a.pages.slice(0, 2));
    expect(b.pages[2]).not.toBe(a.pages[2]);
    pool.release(a);
    pool.release(b);
    expect(pool.available).toBe(8);
    expect(pool.reserve(8, ['x', 'other'])!.filled).toBe(1);
  });

  test('a sequence that shares held pages needs only the rest', () => {
    const pool = new PagePool(4, 4);
    const a = pool.reserve(12, ['x', 'xy'])!;
    pool.publish(a, ['x', 'xy']);
    expect(pool.reserve(12, ['x', 'xy'])?.filled).toBe(2);
    expect(pool.available).toBe(0);
  });

  test('takes blank pages before those that may be wanted again, and forgets what it overwrites', () => {
    const pool = new PagePool(3, 4);
    const a = pool.reserve(8, ['x'])!;
    pool.publish(a, ['x']);
    pool.release(a);
    const b = pool.reserve(8)!;
    expect(b.pages).not.toContain(a.pages[0]);
    const c = pool.reserve(4)!;
    expect(c.pages).toEqual([a.pages[0]]);
    pool.release(c);
    expect(pool.reserve(4, ['x'])!.filled).toBe(0);
  });
});
