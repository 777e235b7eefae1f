// Files in a tar archive (POSIX.1-1988, ustar): blocks of 512 bytes, a header and the content of each.

/** Bytes of a block, of which archives are made. */
export const tarBlock = 512;

/** What ends an archive: two blocks of zeros. */
export const tarEnd = new Uint8Array(2 * tarBlock);

/**
 * A file as it stands in an archive. The same file gives the same bytes: it has no owner and no time.
 *
 * @param name  of at most 100 bytes
 */
export function tarEntry(name: string, content: Uint8Array): Buffer {
  const header = Buffer.alloc(tarBlock);
  const octal = (value: number, at: number, digits: number) =>
    header.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  header.write(name, 0, 100);
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(content.length, 124, 11);
  octal(0, 136, 11);
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  // The sum of the header's bytes, with spaces in the place of the sum.
  header.fill(' ', 148, 156);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const padding = Buffer.alloc((tarBlock - (content.length % tarBlock)) % tarBlock);
  return Buffer.concat([header, content, padding]);
}
