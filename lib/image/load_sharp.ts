import { StylearError } from '../error.ts';

/**
 * The library that decodes and encodes, once a picture needs it: it takes a tenth of a second and 30 MB
 * that programs without pictures have no use for.
 *
 * Rejects with `ERR_BACKEND` where it does not load, such as from a `node_modules` of another system.
 */
export async function loadSharp() {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    throw new StylearError(
      'ERR_BACKEND',
      `sharp: expected the library of pictures to load, got ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** The same bytes, as the class of this context where they come from another, which sharp does not know. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  const { buffer, byteOffset, byteLength } = bytes as Uint8Array;
  return Buffer.from(buffer, byteOffset, byteLength);
}
