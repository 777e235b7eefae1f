import { type Colour, hex } from './colour.ts';

/**
 * Marks by their colour, colours in the order in which they came: a style of thousands of marks has
 * few colours, and one path for each is much faster than one for each mark.
 */
export class ByColour<Mark> {
  readonly #marks = new Map<string, Mark[]>();

  add(paint: Colour, mark: Mark): void {
    const key = hex(paint);
    const marks = this.#marks.get(key);
    if (marks) marks.push(mark);
    else this.#marks.set(key, [mark]);
  }

  /** An element for each colour. */
  elements(draw: (marks: readonly Mark[], fill: string) => string): string[] {
    return [...this.#marks].map(([fill, marks]) => draw(marks, fill));
  }
}
