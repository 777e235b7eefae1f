import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StylearError } from '../../error.ts';
import { makeFolder } from '../../make_folder.ts';
import { replaceFile } from '../../replace_file.ts';
import type { PictureEntry } from './journal.ts';
import type { BatchOutput, OutputFile } from './output.ts';
import { aboutFile } from './row.ts';

const journalName = 'journal.jsonl';

/** A file of its own for each picture, in one folder. */
export class FolderOutput implements BatchOutput {
  readonly journal: string;
  private readonly folder: string;

  /** @throws `ERR_INPUT` when the folder has files that are no batch's, or cannot be made */
  constructor(folder: string) {
    this.folder = folder;
    this.journal = join(folder, journalName);
    makeFolder(folder);
    const found = readdirSync(folder);
    const foreign = found.filter((name) => !name.startsWith(journalName));
    if (foreign.length === 0 || found.includes(journalName)) return;
    const expected = 'the folder to be empty, or that of a batch that was begun';
    throw new StylearError('ERR_INPUT', `${folder}: expected ${expected}, got ${foreign[0]} in it`);
  }

  /** Takes away files that were begun; whole ones without an entry are written anew in their turn. */
  resume(done: readonly PictureEntry[], names: ReadonlySet<string>): readonly PictureEntry[] {
    const found = new Set(readdirSync(this.folder));
    for (const name of found) {
      const [, target] = /^(.+)\.[0-9a-f-]{36}\.tmp$/.exec(name) ?? [];
      if (target !== undefined && names.has(target)) rmSync(join(this.folder, name));
    }
    // An entry outlasts its files where somebody removed them, or emptied them for want of room.
    const isThere = (name: string) =>
      !names.has(name) || (found.has(name) && statSync(join(this.folder, name)).size > 0);
    return done.filter(({ file }) => isThere(file) && isThere(aboutFile(file)));
  }

  async add(files: readonly OutputFile[]): Promise<undefined> {
    for (const { name, bytes } of files)
      await replaceFile(join(this.folder, name), 'ERR_INPUT', (write) => write(bytes));
  }

  close(): void {}
}
