// What a curation leaves: shards, and a report of how they came about. Between its stages a run keeps
// parts in a folder beside them.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { StylearError } from '../error.ts';
import { replaceFile } from '../replace_file.ts';
import { Shards } from '../shards/shards.ts';
import { writeSampleShards } from '../shards/write_shards.ts';

/** The files of an output, which is a path without an extension. */
export const outputFiles = (output: string) => ({
  index: `${output}.index.json`,
  report: `${output}.report.json`,
  /** Where there were any: of each candidate, a line of JSON. */
  scores: `${output}.scores.jsonl`,
  /** A folder. */
  work: `${output}.work`,
});

/** What came of a curation. */
export interface CurationReport {
  /** What was made of what. */
  readonly identity: string;
  /** In the shards. */
  readonly samples: number;
  readonly [more: string]: unknown;
}

/**
 * The report of an earlier run that came to its end; undefined when there was none.
 *
 * Throws `ERR_INPUT` when the output is of another identity.
 */
export function finishedReport(output: string, identity: string): CurationReport | undefined {
  const { index, report: path } = outputFiles(output);
  if (!existsSync(index)) return undefined;
  const report = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as CurationReport)
    : undefined;
  if (report?.identity === identity) return report;
  const got = report?.identity ?? 'shards without a report';
  throw new StylearError(
    'ERR_INPUT',
    `${index}: expected what is there to be of ${identity}, got ${got}. Remove it, or write to ` +
      'another output.',
  );
}

/**
 * Puts parts together as the output, and removes them.
 *
 * @param keepWork  whether the parts of other stages stay
 */
export async function finishOutput(
  output: string,
  parts: readonly string[],
  report: Omit<CurationReport, 'samples'> & { readonly identity: string },
  { keepWork = false }: { readonly keepWork?: boolean | undefined } = {},
): Promise<CurationReport> {
  const { report: path, work } = outputFiles(output);
  using shards = Shards.open(parts);
  const whole: CurationReport = { ...report, samples: shards.length };
  const text = `${JSON.stringify(whole, undefined, 2)}\n`;
  await replaceFile(path, 'ERR_INPUT', (write) => write(Buffer.from(text)));
  await writeSampleShards(output, shards.range(0, shards.length));
  const gone = keepWork ? parts.map(dirname) : [work];
  for (const folder of new Set(gone)) rmSync(folder, { recursive: true, force: true });
  return whole;
}
