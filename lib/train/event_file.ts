// Event files, as TensorBoard reads them: records of protocol buffers, each with checksums. Written from
// TensorFlow's definitions of `Event` and `Summary` and of its record format.
import { appendToFile, writeFile } from '../write_file.ts';
import type { TrainingStep } from './loop.ts';
import type { SampleSheet } from './report.ts';
import { figuresOf } from './step_log.ts';

/** What TensorBoard looks for in a folder: any name with `tfevents` in it. */
export const eventFileName = 'events.out.tfevents.1.stylear';

/** The figures and sheets of a training for TensorBoard. */
export class EventFile {
  private readonly path: string;

  /**
   * Begins a file anew.
   *
   * @param steps   what was made before; when is taken back from now by what they took
   * @param sheets  of these steps
   */
  constructor(path: string, steps: readonly TrainingStep[], sheets: readonly SampleSheet[]) {
    this.path = path;
    let time = now() - steps.reduce((sum, { seconds }) => sum + seconds, 0);
    const records = [eventRecord(event(time, 0, [text(3, 'brain.Event:2')]))];
    const times = new Map<number, number>();
    for (const step of steps) {
      time += step.seconds;
      times.set(step.step, time);
      records.push(eventRecord(figuresEvent(time, step)));
    }
    for (const sheet of sheets)
      records.push(eventRecord(sheetEvent(times.get(sheet.step) ?? time, sheet)));
    writeFile(path, Buffer.concat(records));
  }

  append(step: TrainingStep): void {
    appendToFile(this.path, eventRecord(figuresEvent(now(), step)));
  }

  appendSheet(sheet: SampleSheet): void {
    appendToFile(this.path, eventRecord(sheetEvent(now(), sheet)));
  }
}

const now = (): number => Date.now() / 1000;

/**
 * Length, its checksum, data, its checksum: the length in 64 bits, all little-endian.
 *
 * @param data  less than 2^32 bytes
 */
export function eventRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(12 + data.length + 4);
  record.writeUInt32LE(data.length, 0);
  record.writeUInt32LE(masked(crc32c(record.subarray(0, 8))), 8);
  record.set(data, 12);
  record.writeUInt32LE(masked(crc32c(data)), 12 + data.length);
  return record;
}

/** So that a checksum over data that holds checksums stays one. */
const masked = (crc: number): number => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

/** What each byte changes in the 32 bits of the polynomial 0x1edc6f41, lowest bit first. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** `Event { wall_time: 1, step: 2, file_version: 3 | summary: 5 }` */
const event = (time: number, step: number, what: readonly Buffer[]): Buffer =>
  Buffer.concat([double(1, time), whole(2, step), ...what]);

/** `Summary { value: 1 }` of `Value { tag: 1, simple_value: 2 }` */
function figuresEvent(time: number, step: TrainingStep): Buffer {
  const values = Object.entries(figuresOf(step)).map(([name, value]) =>
    message(1, [text(1, name), float(2, value)]),
  );
  return event(time, step.step, [message(5, values)]);
}

/** `Value { tag: 1, image: 4 }` of `Image { height: 1, width: 2, colorspace: 3, encoded: 4 }` */
function sheetEvent(time: number, { step, caption, png }: SampleSheet): Buffer {
  // Of a PNG's header: its signature and the head of the first chunk are 16 bytes.
  const header = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  const [width, height] = [header.readUInt32BE(16), header.readUInt32BE(20)];
  const rgb = 3;
  const image = [whole(1, height), whole(2, width), whole(3, rgb), bytes(4, png)];
  return event(time, step, [message(5, [message(1, [text(1, caption), message(4, image)])])]);
}

/** Fields of a message: their number and wire type, then what that type says. */
const key = (field: number, wireType: number): Buffer => varint(field * 8 + wireType);
const whole = (field: number, value: number): Buffer =>
  Buffer.concat([key(field, 0), varint(value)]);

function double(field: number, value: number): Buffer {
  const content = Buffer.alloc(8);
  content.writeDoubleLE(value);
  return Buffer.concat([key(field, 1), content]);
}

function float(field: number, value: number): Buffer {
  const content = Buffer.alloc(4);
  content.writeFloatLE(value);
  return Buffer.concat([key(field, 5), content]);
}

const bytes = (field: number, content: Uint8Array): Buffer =>
  Buffer.concat([key(field, 2), varint(content.length), content]);
const text = (field: number, content: string): Buffer => bytes(field, Buffer.from(content));
const message = (field: number, parts: readonly Buffer[]): Buffer =>
  bytes(field, Buffer.concat(parts));

/** Seven bits to a byte, the lowest first; the eighth says that more follow. */
function varint(value: number): Buffer {
  const groups: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...groups, rest]);
    groups.push((rest % 128) + 128);
  }
}
