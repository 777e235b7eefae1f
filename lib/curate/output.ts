// What a curation leaves: shards, and a report of how they came about. Between its stages a run keeps
// parts in a folder beside them.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { StylearError } from '../error.ts';
import { type FileLock, takeLock } from '../file_lock.ts';
import { requireIdentity } from '../identity.ts';
import { makeFolder } from '../make_folder.ts';
import { replaceFile } from '../replace_file.ts';
import { schemaFault } from '../schema_fault.ts';
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

/**
 * Takes the lock of an output, beside it: of two runs that make it, either would remove what the other is
 * writing.
 *
 * Throws `ERR_INPUT` when another run has it, or its folder cannot be written to.
 */
export function lockOutput(output: string): FileLock {
  makeFolder(dirname(output));
  return takeLock(`${output}.lock`, 'the output');
}

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
  const report = existsSync(path) ? readReport(path) : undefined;
  const advice = 'Remove it, or write to another output.';
  if (!report)
    throw outputError(index, 'what is there', 'of this curation', `no report of it. ${advice}`);
  requireIdentity(index, report.identity, identity, advice);
  return report;
}

function readReport(path: string): CurationReport {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw outputError(path, 'the report', 'readable JSON', (cause as Error).message, cause);
  }
  const result = z.looseObject({ identity: z.string(), samples: z.int() }).safeParse(json);
  if (result.success) return result.data;
  const { where, got } = schemaFault(result.error, json);
  throw outputError(path, where || 'it', 'that of a curation', got);
}

const outputError = (
  path: string,
  what: string,
  expected: string,
  got: string,
  cause?: unknown,
): StylearError =>
  new StylearError('ERR_INPUT', `${path}: expected ${what} to be ${expected}, got ${got}`, {
    cause,
  });

/**
 * Puts parts together as the output, and removes them.
 *
 * Rejects with `ERR_INPUT` where there is no sample in them: nothing can be made of such shards.
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
  if (shards.length === 0) throw outputError(output, 'samples', 'at least one', 'none');
  const whole: CurationReport = { ...report, samples: shards.length };
  const text = `${JSON.stringify(whole, undefined, 2)}\n`;
  await replaceFile(path, 'ERR_INPUT', (write) => write(Buffer.from(text)));
  await writeSampleShards(output, shards.range(0, shards.length));
  const gone = keepWork ? parts.map(dirname) : [work];
  for (const folder of new Set(gone)) rmSync(folder, { recursive: true, force: true });
  return whole;
}
