import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { encodePicture } from '../../lib/image/encode.ts';
import { makePicture } from '../../lib/image/picture.ts';
import { crc32c, EventFile, eventRecord } from '../../lib/train/event_file.ts';

const root = mkdtempSync(join(tmpdir(), 'stylear-events-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('a checksum', () => {
  test.each([
    // RFC 3720, appendix B.4
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['the digits', Buffer.from('123456789'), 0xe3069283],
    ['nothing', new Uint8Array(0), 0],
  ])('is that of CRC-32C for %s', (_, bytes, crc) => {
    expect(crc32c(bytes)).toBe(crc);
  });
});

/** The payloads of a file whose lengths and checksums hold. */
function* payloads(file: Buffer): Generator<Buffer> {
  const unmasked = (at: number) => {
    const rotated = (file.readUInt32LE(at) - 0xa282ead8) >>> 0;
    return ((rotated >>> 17) | (rotated << 15)) >>> 0;
  };
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    expect(unmasked(at + 8)).toBe(crc32c(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(data).toHaveLength(length);
    expect(unmasked(at + 12 + length)).toBe(crc32c(data));
    yield data;
    at += 12 + length + 4;
  }
}

type Fields = readonly (readonly [field: number, value: number | Buffer])[];

/** A message of protocol buffers, without knowledge of what it is. */
function fieldsOf(message: Buffer): Fields {
  const fields: [number, number | Buffer][] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++]!;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  const take = (count: number) => {
    at += count;
    return message.subarray(at - count, at);
  };
  while (at < message.length) {
    const key = varint();
    const [field, wire] = [key >> 3, key & 7];
    if (wire === 0) fields.push([field, varint()]);
    else if (wire === 1) fields.push([field, take(8).readDoubleLE()]);
    else if (wire === 5) fields.push([field, take(4).readFloatLE()]);
    else if (wire === 2) fields.push([field, take(varint())]);
    else throw new Error(`wire type ${wire}`);
  }
  return fields;
}

const step = (i: number, metrics = {}) => ({
  ...{ step: i, epoch: i / 10, loss: 1 / i, gradientNorm: 2, rate: 0.5, metrics, seconds: 3 },
});
const valuesOf = (summary: Buffer) =>
  fieldsOf(summary).map(([, value]) => {
    const [[, tag], [field, content]] = fieldsOf(value as Buffer) as [Fields[0], Fields[0]];
    return [`${tag}`, field, content] as const;
  });

describe('an event file', () => {
  test('holds a record as its format has it', () => {
    // Length 3, its masked checksum, the data, its masked checksum.
    const record = eventRecord(Buffer.from('abc'));
    expect([...payloads(record)].map(String)).toEqual(['abc']);
    expect(record).toHaveLength(19);
    expect(record.subarray(0, 8)).toEqual(Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]));
    const damaged = Buffer.from(record);
    damaged[12]! ^= 1;
    expect(() => [...payloads(damaged)]).toThrow();
  });

  test('has its version, the figures of every step, and sheets', async () => {
    const path = join(root, 'events');
    const png = await encodePicture(makePicture('RGB', 5, 2, new Uint8Array(30)));
    const sheet = { step: 2, caption: 'held out', png };
    const file = new EventFile(path, [step(1), step(300, { 'heldOut/loss': 0.25 })], [sheet]);
    file.append(step(301));
    file.appendSheet(sheet);
    const events = [...payloads(readFileSync(path))].map(fieldsOf);
    expect(events.map((event) => event.map(([field]) => field))).toEqual(
      [3, 5, 5, 5, 5, 5].map((last) => [1, 2, last]),
    );
    expect(`${events[0]![2]![1]}`).toBe('brain.Event:2');
    expect(events.map((event) => event[1]![1])).toEqual([0, 1, 300, 2, 301, 2]);
    const times = events.map((event) => event[0]![1] as number);
    expect(times[2]! - times[1]!).toBeCloseTo(3, 3);
    expect(valuesOf(events[2]![2]![1] as Buffer)).toEqual([
      ['loss', 2, Math.fround(1 / 300)],
      ['heldOut/loss', 2, 0.25],
      ['gradientNorm', 2, 2],
      ['rate', 2, 0.5],
      ['seconds', 2, 3],
    ]);
    const [[tag, field, image]] = valuesOf(events[3]![2]![1] as Buffer) as [
      [string, number, Buffer],
    ];
    expect([tag, field]).toEqual(['held out', 4]);
    expect(fieldsOf(image)).toEqual([
      [1, 2],
      [2, 5],
      [3, 3],
      [4, png],
    ]);
  });
});
