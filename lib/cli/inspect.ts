import { countOf } from '../weights/stored_tensor.ts';
import { WeightSource } from '../weights/weight_source.ts';

/** The options of `stylear inspect`. */
export interface InspectCommandOptions {
  /** Print one JSON object instead of lines for people. */
  readonly json?: boolean | undefined;
}

/** A tensor and where it is. */
interface Inspected {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly file: string;
  /** Of its first element in the file, bytes. */
  readonly offset: number;
  readonly bytes: number;
  /** In elements, where it is a view that is not row-major without gaps. */
  readonly strides?: readonly number[];
}

/**
 * `stylear inspect <file>`: a line per tensor, in order of their places, then how many there are.
 * Nothing of the tensors themselves is read.
 *
 * @param path  as `Weights.open` takes it
 * @returns     the exit status
 */
export async function inspectCommand(
  path: string,
  { json = false }: InspectCommandOptions = {},
): Promise<number> {
  const tensors = tensorsOf(path);
  const files = [...new Set(tensors.map(({ file }) => file))];
  const parameters = tensors.reduce((sum, { shape }) => sum + countOf(shape)!, 0);
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  if (json) {
    console.log(JSON.stringify({ files, parameters, bytes, tensors }, undefined, 1));
    return 0;
  }
  const rows = tensors.map(({ name, dtype, shape, offset, bytes, strides }) => {
    const view = strides ? `  strides [${strides.join(', ')}]` : '';
    return [dtype, `${offset}`, `${bytes}`, `${name} [${shape.join(', ')}]${view}`] as const;
  });
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i]!.length), 0));
  let file = '';
  for (const [i, [dtype, offset, bytes, rest]] of rows.entries()) {
    if (tensors[i]!.file !== file) {
      file = tensors[i]!.file;
      console.log(`${file}: dtype, offset, bytes, name and shape`);
    }
    const columns = [
      dtype.padEnd(widths[0]!),
      offset.padStart(widths[1]!),
      bytes.padStart(widths[2]!),
    ];
    console.log(`  ${columns.join('  ')}  ${rest}`);
  }
  console.log(`${tensors.length} tensors, ${parameters} values, ${bytes} bytes`);
  return 0;
}

function tensorsOf(path: string): Inspected[] {
  const source = new WeightSource(path);
  try {
    const tensors = [...source.names()].map((name): Inspected => {
      const { stored, source: file } = source.get(name)!;
      return { name, ...stored, file: file.path };
    });
    return tensors.sort((a, b) => compare(a.file, b.file) || a.offset - b.offset);
  } finally {
    source.close();
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
