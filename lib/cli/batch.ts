import { StylearError } from '../error.ts';
import { runBatch } from '../generate/batch/batch.ts';
import { FolderOutput } from '../generate/batch/folder_output.ts';
import type { BatchOutput } from '../generate/batch/output.ts';
import { readRequestsFile } from '../generate/batch/requests_file.ts';
import type { BatchRow } from '../generate/batch/row.ts';
import { TarOutput } from '../generate/batch/tar_output.ts';
import type { PictureFormat } from '../image/picture_format.ts';
import { type DrawingOptions, openModel, StepTally } from './drawing.ts';
import { duration, Progress } from './progress.ts';

/** The options of `stylear batch`. */
export interface BatchCommandOptions extends DrawingOptions {
  /** A folder, or a `.tar` that is written in shards. */
  readonly output: string;
  readonly format?: PictureFormat | undefined;
  /** Megabytes in one tar file. */
  readonly shardMb?: number | undefined;
}

/** Failures that are printed; all of them are in the journal. */
const mostPrinted = 20;

/**
 * `stylear batch <requests>`: draws every picture of a file of requests once, and goes on with what is
 * left when it is called again.
 *
 * @param requests  `.jsonl` or `.csv`
 * @returns         the exit status: 1 where rows failed
 */
export async function batchCommand(
  requests: string,
  options: BatchCommandOptions,
): Promise<number> {
  const rows = readRequestsFile(requests);
  const output = outputOf(options);
  await using stylear = await openModel(options);
  const progress = new Progress();
  const tally = new StepTally();
  const failures: string[] = [];
  let left = 0;
  let done = 0;
  const began = performance.now();
  const hours = () => (performance.now() - began) / 3_600_000;
  for await (const event of runBatch(stylear, rows, output, options)) {
    if (event.type === 'started') {
      ({ done, left } = event);
      if (done > 0) console.log(`${done} of ${done + left} pictures are there already`);
      if (event.lost > 0) console.log(`${event.lost} were made, are gone, and are made again`);
    } else if (event.type === 'progress') {
      const whole = Math.floor(event.pictures);
      const words = `${done + whole} of ${done + left} pictures, ${rate(event.pictures / hours())}`;
      progress.update(event.pictures, left, words);
    } else if (event.type === 'picture') {
      tally.add(event.image.statistics);
    } else if (event.type === 'failed') {
      failures.push(failureLine(requests, event.row, event.error));
    } else {
      progress.clear();
      const { pictures, styles } = event;
      const time = duration(hours() * 3600);
      const rest = `${rate(pictures / hours())}, ${styles} styles encoded`;
      const what = pictures === 1 ? '1 picture' : `${pictures} pictures`;
      console.log(`${what} in ${time}, ${rest}${pictures > 0 ? `, ${tally}` : ''}`);
    }
  }
  for (const line of failures.slice(0, mostPrinted)) console.error(line);
  if (failures.length > mostPrinted) console.error(`and ${failures.length - mostPrinted} more`);
  if (failures.length > 0) console.error(`${failures.length} failed; see ${output.journal}`);
  return failures.length > 0 ? 1 : 0;
}

function outputOf({ output, shardMb = 1000 }: BatchCommandOptions): BatchOutput {
  if (!output.endsWith('.tar')) return new FolderOutput(output);
  if (shardMb > 0 && Number.isFinite(shardMb)) return new TarOutput(output, shardMb * 1e6);
  throw new StylearError('ERR_INPUT', `batch: expected --shard-mb to be above 0, got ${shardMb}`);
}

function failureLine(requests: string, { id, line }: BatchRow, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof StylearError ? `${error.code}: ` : '';
  return `${requests}:${line}: ${id}: ${code}${message}`;
}

const rate = (perHour: number): string =>
  `${perHour < 100 ? perHour.toFixed(1) : Math.round(perHour)} images/hour`;
