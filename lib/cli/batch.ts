import { StylearError } from '../error.ts';
import { type BatchEvent, runBatch } from '../generate/batch/batch.ts';
import { FolderOutput } from '../generate/batch/folder_output.ts';
import type { BatchOutput } from '../generate/batch/output.ts';
import { readRequestsFile } from '../generate/batch/requests_file.ts';
import type { BatchRow } from '../generate/batch/row.ts';
import { TarOutput } from '../generate/batch/tar_output.ts';
import type { PictureFormat } from '../image/picture_format.ts';
import { type DrawingOptions, openModel, StepTally } from './drawing.ts';
import { duration, Progress } from './progress.ts';
import { untilStopped } from './stoppable.ts';

/** The options of `stylear batch`. */
export interface BatchCommandOptions extends DrawingOptions {
  /** A folder, or a `.tar` that is written in shards. */
  readonly output: string;
  readonly format?: PictureFormat | undefined;
  /** Megabytes in one tar file. */
  readonly shardMb?: number | undefined;
}

/** Failures that are printed, as they come; all of them are in the journal. */
const mostPrinted = 20;

/**
 * `stylear batch <requests>`: draws every picture of a file of requests once, and goes on with what is
 * left when it is called again. An interruption (SIGINT, SIGTERM, SIGHUP) stops it; what was drawn whole
 * is kept.
 *
 * @param requests  `.jsonl` or `.csv`
 * @returns         the exit status: 1 where rows failed, or when it was stopped
 */
export async function batchCommand(
  requests: string,
  options: BatchCommandOptions,
): Promise<number> {
  const rows = readRequestsFile(requests);
  const output = outputOf(options);
  return await untilStopped(async (signal) => {
    await using stylear = await openModel(options);
    const report = new Report(requests, output.journal);
    try {
      for await (const event of runBatch(stylear, rows, output, { ...options, signal }))
        report.tell(event);
    } finally {
      report.end();
    }
    return report.failed > 0 ? 1 : 0;
  });
}

/** What a batch prints. */
class Report {
  /** Pictures that failed. */
  failed = 0;
  /** Failures of which each has taken one of them or several. */
  private failures = 0;
  private readonly requests: string;
  private readonly journal: string;
  private readonly progress = new Progress();
  private readonly tally = new StepTally();
  private readonly began = performance.now();
  /** Pictures in all, and those that earlier runs made. */
  private total = 0;
  private before = 0;

  constructor(requests: string, journal: string) {
    this.requests = requests;
    this.journal = journal;
  }

  tell(event: BatchEvent): void {
    if (event.type === 'started') {
      const { done, left, lost } = event;
      [this.before, this.total] = [done, done + left];
      if (done > 0) console.log(`${done} of ${done + left} pictures are there already`);
      if (lost > 0) console.log(`made before, gone, and made again: ${lost}`);
    } else if (event.type === 'progress') {
      const { pictures, failed } = event;
      const made = `${this.before + Math.floor(pictures)} of ${this.total} pictures`;
      const words = `${made}${failed > 0 ? `, ${failed} failed` : ''}, ${this.rate(pictures)}`;
      const done = this.before + pictures + failed;
      this.progress.update(done, this.total, words);
    } else if (event.type === 'picture') {
      this.tally.add(event.image.statistics);
    } else if (event.type === 'failed') {
      this.failed += event.pictures;
      if (++this.failures > mostPrinted) return;
      this.progress.clear();
      console.error(failureLine(this.requests, event.row, event.error));
    } else {
      this.progress.clear();
      const { pictures, styles } = event;
      const rest = `${this.rate(pictures)}, ${styles} ${styles === 1 ? 'style' : 'styles'} encoded`;
      const what = pictures === 1 ? '1 picture' : `${pictures} pictures`;
      const steps = pictures > 0 ? `, ${this.tally}` : '';
      console.log(`${what} in ${duration(this.hours() * 3600)}, ${rest}${steps}`);
    }
  }

  /** Says what became of rows that failed; also of a batch that ends before its last picture. */
  end(): void {
    this.progress.clear();
    if (this.failed === 0) return;
    const more =
      this.failures > mostPrinted ? `, ${mostPrinted} of ${this.failures} reasons are above` : '';
    console.error(`${this.failed} failed${more}; see ${this.journal}`);
  }

  private hours(): number {
    return (performance.now() - this.began) / 3_600_000;
  }

  private rate(pictures: number): string {
    const perHour = pictures / this.hours();
    return `${perHour < 100 ? perHour.toFixed(1) : Math.round(perHour)} images/hour`;
  }
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
