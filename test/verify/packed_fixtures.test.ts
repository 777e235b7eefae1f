import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findFixtures, isOfKind } from '../../lib/verify/fixture.ts';
import { verify } from '../../lib/verify/verify.ts';
import { fixtureArchives, packedFixtures } from '../support/fixtures.ts';

const kinds = [
  'chameleon',
  'clip',
  'dpo',
  'e2e',
  'items',
  'processors',
  'resampler',
  'style_tokens',
  'tokenizer',
  'train',
  'vqgan',
] as const;

describe('the fixtures of the package', () => {
  test('are of every kind', () => {
    const names = findFixtures(packedFixtures()).map(({ name }) => name);
    const missing = kinds.filter((kind) => !names.some((name) => isOfKind(name, kind)));
    expect(missing).toEqual([]);
  });

  test('are 3 MB at most', () => {
    const bytes = fixtureArchives().reduce((sum, archive) => sum + statSync(archive).size, 0);
    expect(bytes).toBeLessThanOrEqual(3_000_000);
  });

  test.each(kinds)(
    'agree with the package in every check of %s',
    async (only) => {
      let checks = 0;
      const failed: unknown[] = [];
      for await (const check of verify(packedFixtures(), { only, device: 'cpu' })) {
        checks++;
        if (!check.passed) failed.push(check);
      }
      expect(failed).toEqual([]);
      expect(checks).toBeGreaterThan(0);
    },
    120_000,
  );
});
