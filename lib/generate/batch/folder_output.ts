import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { StylearError } from '../../error.ts';
import { replaceFile } from '../../replace_file.ts';
import type { PictureEntry } from './journal.ts';
import type { BatchOutput, OutputFile } from './output.ts';

const journalName = 'journal.jsonl';

/** A file of its own for each picture, in one folder. */
export class FolderOutput implements BatchOutput {
  readonly journal: string;
  private readonly folder: string;

  /** @throws `ERR_INPUT` when the folder has files that are no batch's, or cannot be made */
  constructor(folder: string) {
    this.folder = folder;
    this.journal = join(folder, journalName);
    let found: readonly string[];
    try {
      mkdirSync(folder, { recursive: true });
      found = readdirSync(folder);
    } catch (cause) {
      const got = (cause as Error).message;
      const message = `${folder}: expected the folder to be writable, got ${got}`;
      throw new StylearError('ERR_INPUT', message, { cause });
    }
    const foreign = found.filter((name) => !name.startsWith(journalName));
    if (foreign.length === 0 || found.includes(journalName)) return;
    const expected = 'the folder to be empty, or that of a batch that was begun';
    throw new StylearError('ERR_INPUT', `${folder}: expected ${expected}, got ${foreign[0]} in it`);
  }

  /** Takes away files that were begun; whole ones without an entry are written anew in their turn. */
  resume(_done: readonly PictureEntry[], names: ReadonlySet<string>): void {
    for (const name of readdirSync(this.folder)) {
      const [, target] = /^(.+)\.[0-9a-f-]{36}\.tmp$/.exec(name) ?? [];
      if (target !== undefined && names.has(target)) rmSync(join(this.folder, name));
    }
  }

  async add(files: readonly OutputFile[]): Promise<undefined> {
    for (const { name, bytes } of files)
      await replaceFile(join(this.folder, name), 'ERR_INPUT', (write) => write(bytes));
  }

  close(): void {}
}
