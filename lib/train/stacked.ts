import { StylearError } from '../error.ts';

/**
 * The values of examples, one behind the other.
 *
 * Throws `ERR_VALUE` when one of them has another count of values, or none.
 *
 * @param each  values of each
 * @param what  what messages call them: who asks, what they are and whose
 * @returns     `[values.length * each]`
 */
export function stacked(
  values: readonly (Float32Array | undefined)[],
  each: number,
  { where, kind, of }: { readonly where: string; readonly kind: string; readonly of: string },
): Float32Array {
  const all = new Float32Array(values.length * each);
  values.forEach((own, i) => {
    if (own?.length !== each) {
      const got = `${own ? own.length : 'none'} in ${of} ${i}`;
      throw new StylearError(
        'ERR_VALUE',
        `${where}: expected ${kind} of every ${of} to be ${each} values, got ${got}`,
      );
    }
    all.set(own, i * each);
  });
  return all;
}
