const app2 = Buffer.from([0xff, 0xe2]);

/**
 * A JPEG file whose first picture stands alone: the list of further ones (CIPA DC-007, an `MPF`
 * segment) goes by another name. Where the second is a gain map, libvips would leave the file to a
 * loader of its own, which reads that too, and then takes the same pixels from the first.
 *
 * @returns the same bytes, or a copy where there is such a list
 */
export function withoutMpf(bytes: Uint8Array): Uint8Array {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let alone: Buffer | undefined;
  for (let at = file.indexOf(app2); at >= 0; at = file.indexOf(app2, at + app2.length)) {
    const name = at + 4;
    if (file.toString('latin1', name, name + 3) !== 'MPF') continue;
    alone ??= Buffer.from(file);
    alone.write('mpf', name, 'latin1');
  }
  return alone ?? bytes;
}
