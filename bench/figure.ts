/** A figure that is no op's. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

/** The same with the bar that it is held against, in words. */
export interface BarredFigure extends Figure {
  readonly bar: string;
}

/** Figures in the order in which they were taken; each is printed as it is. */
export class Figures {
  readonly all: Figure[] = [];

  add(what: string, value: number, unit: string): void {
    this.all.push({ what, value, unit });
    console.log(`${what.padEnd(56)} ${value.toPrecision(4)} ${unit}`);
  }
}
