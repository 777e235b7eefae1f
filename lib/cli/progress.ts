/** How long a run is looked back upon for the time that is left, in milliseconds. */
const memory = 300_000;
const marksKept = 60;

/** A line of progress: rewritten in place on a terminal, and else printed now and then. */
export class Progress {
  private readonly stream: NodeJS.WriteStream;
  private printed = 0;
  private total = 0;
  private done = 0;
  /** What was done when, the oldest first, of this stage and of the last minutes alone. */
  private readonly marks: { time: number; done: number }[] = [];

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.stream = stream;
  }

  /**
   * The time that is left is told by the rate since the first update, over the last minutes at most: what
   * earlier runs made, loading, and a pause long ago say nothing of it. With another total, or less done
   * than before, another stage begins.
   *
   * @param done   units that are done
   * @param total  units in all
   * @param words  what else to say
   */
  update(done: number, total: number, words: string): void {
    const now = performance.now();
    const left = this.left(done, total, now);
    // A terminal ten times a second, a log every ten seconds.
    const pause = this.stream.isTTY ? 100 : 10_000;
    if (done < total && now - this.printed < pause) return;
    this.printed = now;
    const share = total > 0 ? done / total : 0;
    const line = `${bar(share)} ${Math.floor(100 * share)} % ${words}, ${left} left`;
    this.stream.write(this.stream.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  }

  /** In words; a question mark before anything was made. */
  private left(done: number, total: number, now: number): string {
    const { marks } = this;
    if (total !== this.total || done < this.done) marks.length = 0;
    [this.total, this.done] = [total, done];
    const last = marks.at(-1);
    if (last === undefined || now - last.time >= memory / marksKept)
      marks.push({ time: now, done });
    while (marks[1] !== undefined && now - marks[1].time >= memory) marks.shift();
    const [first] = marks;
    if (done >= total) return duration(0);
    if (first === undefined || done <= first.done) return '?';
    return duration(((now - first.time) / 1000) * ((total - done) / (done - first.done)));
  }

  /** Prints a line of its own above the progress. */
  say(line: string): void {
    this.clear();
    console.log(line);
  }

  /** Takes the line off a terminal. */
  clear(): void {
    if (this.stream.isTTY) this.stream.write('\r\x1b[K');
    this.printed = 0;
  }
}

const width = 24;

function bar(share: number): string {
  const full = Math.round(width * Math.min(Math.max(share, 0), 1));
  return `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
}

/** `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
