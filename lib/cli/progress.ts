/** A line of progress: rewritten in place on a terminal, and else printed now and then. */
export class Progress {
  private readonly stream: NodeJS.WriteStream;
  private readonly began = performance.now();
  private printed = 0;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.stream = stream;
  }

  /**
   * @param done   units that are done
   * @param total  units in all
   * @param words  what else to say
   * @param before  units that were done when it began, which say nothing of the time that is left
   */
  update(done: number, total: number, words: string, before = 0): void {
    const now = performance.now();
    // A terminal ten times a second, a log every ten seconds.
    const pause = this.stream.isTTY ? 100 : 10_000;
    if (done < total && now - this.printed < pause) return;
    this.printed = now;
    const share = total > 0 ? done / total : 0;
    const seconds = (now - this.began) / 1000;
    const made = done - before;
    const left = made > 0 ? duration((seconds * (total - done)) / made) : '?';
    const line = `${bar(share)} ${Math.floor(100 * share)} % ${words}, ${left} left`;
    this.stream.write(this.stream.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
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
