/**
 * The library that decodes and encodes, once a picture needs it: it takes a tenth of a second and 30 MB
 * that programs without pictures have no use for.
 */
export const loadSharp = async () => (await import('sharp')).default;
