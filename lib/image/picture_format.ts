/** The formats that pictures are read from and written to. */
export type PictureFormat = 'jpeg' | 'png' | 'webp' | 'avif';

/** A format as its makers write it. */
export const formatNames: Readonly<Record<PictureFormat, string>> = {
  jpeg: 'JPEG',
  png: 'PNG',
  webp: 'WebP',
  avif: 'AVIF',
};

/** The format that the first bytes of a file claim; undefined when it is none of the four. */
export function formatOf(bytes: Uint8Array): PictureFormat | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096));
  const text = (begin: number, end: number) => head.toString('latin1', begin, end);
  if (text(0, 3) === '\xff\xd8\xff') return 'jpeg';
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'png';
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'webp';
  if (text(4, 8) === 'ftyp' && brandsOf(head).some((brand) => brand === 'avif' || brand === 'avis'))
    return 'avif';
  return undefined;
}

/** The major brand and the compatible ones of an ISO media file (ISO/IEC 14496-12, 4.3). */
function brandsOf(head: Buffer): readonly string[] {
  const end = Math.min(head.readUInt32BE(0), head.length);
  const brands = [head.toString('latin1', 8, 12)];
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
  if (text.startsWith('ftyp', 4)) return 'a video, or a HEIC';
  if (/^\s*<(\?xml|svg|!doctype)/i.test(text)) return 'an SVG or other XML';
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
