import sharp from 'sharp';
import { expect, test } from 'vitest';
import { countJpegScans } from '../../lib/image/jpeg_scans.ts';
import { noise } from './pictures.ts';

const { pixels } = noise('RGB', 64, 48);
const image = () => sharp(pixels, { raw: { width: 64, height: 48, channels: 3 } });
/** A segment of a JPEG, with its length. */
const segment = (marker: number, content: string) =>
  Buffer.concat([
    Buffer.from([0xff, marker, 0, 2 + content.length]),
    Buffer.from(content, 'latin1'),
  ]);

test('countJpegScans counts one scan of a baseline JPEG, and those of a progressive one', async () => {
  expect(countJpegScans(await image().jpeg().toBuffer())).toBe(1);
  expect(countJpegScans(await image().jpeg({ progressive: true }).toBuffer())).toBeGreaterThan(5);
});

test('countJpegScans passes over what only looks like a scan', () => {
  const start = Buffer.from([0xff, 0xd8]);
  const scan = segment(0xda, 'head');
  const hidden = segment(0xe1, '\xff\xda\xff\xda');
  // The last 255 is a filling before the marker that follows.
  const data = Buffer.from([1, 0xff, 0, 0xda, 0xff, 0xd0, 2, 0xff]);
  const end = Buffer.from([0xff, 0xd9, 0, 2]);
  const whole = Buffer.concat([start, hidden, scan, data, scan, end, scan]);
  expect(countJpegScans(whole)).toBe(2);
});

test('countJpegScans ends with what is cut off anywhere', async () => {
  const whole = await image().jpeg({ progressive: true }).toBuffer();
  const all = countJpegScans(whole);
  for (let length = 0; length < whole.length; length += 7) {
    expect(countJpegScans(whole.subarray(0, length))).toBeLessThanOrEqual(all);
  }
});
