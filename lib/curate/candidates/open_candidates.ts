import type { CurateConfigOf } from '../config.ts';
import type { Candidates } from './candidates.ts';
import { folderCandidates } from './folder_candidates.ts';
import { textOf } from './picture_files.ts';
import { ReadyPairs } from './ready_pairs.ts';
import { shardCandidates } from './shard_candidates.ts';
import { worldCandidates } from './world_candidates.ts';
import { worldInStyles } from './world_in_styles.ts';

/** Throws `ERR_INPUT` when what a config names is not there, or not what it must be. */
export function openCandidates(
  source: CurateConfigOf<'pictures'>['source'],
  size: number,
): Candidates {
  switch (source.from) {
    case 'folder':
      return folderCandidates(source.folder);
    case 'shards':
      return shardCandidates(source.shards);
    case 'world':
      return worldCandidates(source.pictures, { ...source, size });
    case 'pairs':
      return new ReadyPairs(source.folder).candidates(size);
    case 'styles': {
      const { prompts } = source;
      const asked = typeof prompts === 'number' ? prompts : linesOf(prompts);
      return worldInStyles({ ...source, prompts: asked, size });
    }
  }
}

/** What of a source says which candidates there are, wherever its files lie. */
export function sourceIdentity(
  source: CurateConfigOf<'pictures'>['source'],
  { identity: content }: Candidates,
): object {
  switch (source.from) {
    case 'folder':
    case 'shards':
    case 'pairs':
      return { from: source.from, content };
    case 'world':
      return source;
    case 'styles': {
      const { prompts, ...others } = source;
      return { ...others, prompts: typeof prompts === 'number' ? prompts : content };
    }
  }
}

const linesOf = (path: string): string[] =>
  textOf(path)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
