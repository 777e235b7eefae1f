/** The formats that pictures are read from and written to. */
export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'avif';

/** A format as its makers write it. */
export const formatNames: Readonly<Record<PictureFormat, string>> = {
  jpeg: 'JPEG',
  png: 'PNG',
  webp: 'WebP',
  avif: 'AVIF',
};

/**
 * The format that the first bytes of a file claim; undefined when it is none of the four. What is
 * taken for one of them here, no loader of another format takes for its own.
 */
export function formatOf(bytes: Uint8Array): PictureFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096));
  const text = (begin: number, end: number) => head.toString('latin1', begin, end);
  if (text(0, 3) === '\xff\xd8\xff') return 'jpeg';
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'webp';
  if (brandsOf(head).some((brand) => brand === 'avif' || brand === 'avis')) return 'avif';
  return undefined;
}

/** What libvips gives to libheif, of the major brands that an AVIF file may have. */
const majorBrands: readonly string[] = ['avif', 'mif1', 'msf1'];

/**
 * The major brand and the compatible ones of the first box of an ISO media file (ISO/IEC 14496-12,
 * 4.3); none when it is not a box of the size and major brand that libvips takes for a picture. Of
 * any size, its first bytes could be those of a text: `<!--ftypavif-->` may begin an SVG.
 */
function brandsOf(head: Buffer): readonly string[] {
  const size = head.length < 16 ? 0 : head.readUInt32BE(0);
  if (size < 16 || size > 2048 || size % 4 !== 0) return [];
  const major = head.toString('latin1', 8, 12);
  if (head.toString('latin1', 4, 8) !== 'ftyp' || !majorBrands.includes(major)) return [];
  const brands = [major];
  const end = Math.min(size, head.length);
  for (let at = 16; at + 4 <= end; at += 4) brands.push(head.toString('latin1', at, at + 4));
  return brands;
}

/** What a file that is none of the four is, for a message. */
export function describeContent(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'an empty file';
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 256));
  const text = head.toString('latin1');
  const known = others.find(([sign]) => text.startsWith(sign));
  if (known) return known[1];
  if (/^\s*<(\?xml|svg|!doctype|!--)/i.test(text)) return 'an SVG or other XML';
  if (text.startsWith('ftypavis', 4)) return 'an AVIF of several pictures';
  if (text.startsWith('ftyp', 4)) return 'a video, or a HEIC';
  return `a file that begins with ${head.toString('hex', 0, 4)}`;
}

const others: readonly (readonly [string, string])[] = [
  ['GIF8', 'a GIF'],
  ['BM', 'a BMP'],
  ['II*\0', 'a TIFF'],
  ['MM\0*', 'a TIFF'],
  ['%PDF', 'a PDF'],
  ['\xff\x0a', 'a JPEG XL'],
  ['\0\0\0\x0cJXL ', 'a JPEG XL'],
];
