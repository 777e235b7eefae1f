// Verifiers run as tests over the golden fixtures. Without these they are skipped and say so.
import { describe, expect, test } from 'vitest';
import type { Verifier } from '../../lib/verify/check.ts';
import { findFixtures, isOfKind } from '../../lib/verify/fixture.ts';
import { someFixtures } from './fixtures.ts';
import { onEveryDevice } from './on_every_device.ts';

export interface EveryCheckOptions {
  /** Of the transformer's activations; f32 unless told. */
  readonly dtypes?: readonly ('f32' | 'bf16')[];
}

/** Claims that every check of every fixture of a kind passes, on every device. */
export function everyCheckPasses(
  kind: string,
  verifier: Verifier,
  { dtypes = ['f32'] }: EveryCheckOptions = {},
): void {
  const folder = someFixtures();
  const fixtures = findFixtures(folder).filter(({ name }) => isOfKind(name, kind));
  if (fixtures.length === 0) {
    console.log(`not tested here: the golden fixtures ${kind} are not at ${folder}`);
    describe.skip('golden fixtures', () => test(kind));
    return;
  }
  const cases = fixtures.flatMap((fixture) =>
    dtypes.map((dtype) => ({ name: fixture.name, dtype, fixture })),
  );
  onEveryDevice('every golden number', (device) => {
    test.each(cases)(
      'of $name in $dtype',
      async ({ fixture, dtype }) => {
        let checks = 0;
        const failed: unknown[] = [];
        for await (const check of verifier(fixture, { device, dtype })) {
          checks++;
          if (!check.passed) failed.push(check);
        }
        expect(failed).toEqual([]);
        expect(checks).toBeGreaterThan(0);
      },
      240_000,
    ); // pictures take the emulated GPU half a minute of a core
  });
}
