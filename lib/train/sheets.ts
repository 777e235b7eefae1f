import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { encodePicture } from '../image/encode.ts';
import type { Picture } from '../image/picture.ts';
import { makeFolder } from '../make_folder.ts';
import { writeFile } from '../write_file.ts';
import type { SampleSheet } from './report.ts';

/** The most sheets of a report, from all of its time. */
const mostShown = 12;

/** The sheets of a training as files of a folder, `00000500.png` after step 500. */
export class Sheets {
  private readonly folder: string;
  private readonly caption: string;
  private readonly steps: number[];

  /**
   * @param step     how many steps the training has made: sheets of later ones are taken away, since
   *                 these are made again
   * @param caption  what they show
   */
  constructor(folder: string, step: number, caption: string) {
    this.folder = folder;
    this.caption = caption;
    makeFolder(folder);
    const found = readdirSync(folder)
      .filter((name) => /^\d+\.png$/.test(name))
      .map((name) => Number.parseInt(name, 10))
      .sort((a, b) => a - b);
    for (const later of found.filter((one) => one > step)) rmSync(this.pathOf(later));
    this.steps = found.filter((one) => one <= step);
  }

  async add(step: number, picture: Picture): Promise<SampleSheet> {
    const png = await encodePicture(picture);
    writeFile(this.pathOf(step), png);
    if (this.steps.at(-1) !== step) this.steps.push(step);
    return { step, caption: this.caption, png };
  }

  /** Some of all its time, the last one among them. */
  shown(): SampleSheet[] {
    const { caption, steps: all } = this;
    const each = Math.ceil(all.length / mostShown);
    return all
      .filter((_, i) => (all.length - 1 - i) % each === 0)
      .map((step) => ({ step, caption, png: readFileSync(this.pathOf(step)) }));
  }

  private pathOf(step: number): string {
    return join(this.folder, `${`${step}`.padStart(8, '0')}.png`);
  }
}
