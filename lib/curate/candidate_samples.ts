// Candidates as samples, which is how the stages of a curation hand them on.
import { StylearError } from '../error.ts';
import { decodePicture } from '../image/decode.ts';
import { encodePicture } from '../image/encode.ts';
import type { Picture } from '../image/picture.ts';
import type { Sample } from '../shards/shards.ts';
import { decodeSample, encodeSample } from '../shards/training_sample.ts';
import { type Candidate, type Candidates, squareOf } from './candidates/candidates.ts';
import type { Scored } from './scores.ts';
import { pictureOf } from './with_tokens.ts';

/** Files of a reference. */
const [referencePicture, referenceSubject] = ['reference.png', 'reference.txt'] as const;

/** Squares of candidates, or what is wrong with a candidate in its place. */
export async function* candidateSamples(
  candidates: Candidates,
  size: number,
  begin: number,
  end: number,
): AsyncGenerator<Sample> {
  for (let i = begin; i < end; i++) {
    try {
      yield await encodeCandidate(await candidates.at(i), size);
    } catch (error) {
      // One file of many that cannot be read is left out, and told of in the report.
      if (!(error instanceof StylearError) || error.code !== 'ERR_INPUT') throw error;
      const files = new Map([['fault', Buffer.from(error.message)]]);
      yield { key: `fault-${i}`, files };
    }
  }
}

async function encodeCandidate(
  { picture, reference, ...sample }: Candidate,
  size: number,
): Promise<Sample> {
  const png = (of: Picture) => encodePicture(squareOf(of, size));
  const { key, files } = encodeSample({
    ...sample,
    picture: { format: 'png', bytes: await png(picture) },
  });
  if (!reference) return { key, files };
  const more: [string, Uint8Array][] = [
    [referencePicture, await png(reference.picture)],
    [referenceSubject, Buffer.from(reference.subject)],
  ];
  return { key, files: new Map([...files, ...more]) };
}

/** What is scored of a sample, or what was wrong with its candidate. */
export async function scoredOf(sample: Sample): Promise<Scored | { readonly fault: string }> {
  const { key, files } = sample;
  const fault = files.get('fault');
  if (fault) return { fault: Buffer.from(fault).toString('utf8') };
  const decoded = decodeSample(sample);
  const scored = { caption: decoded.caption, picture: await pictureOf(decoded) };
  const [bytes, subject] = [files.get(referencePicture), files.get(referenceSubject)];
  if (!bytes || !subject) return scored;
  const picture = await decodePicture(bytes, { name: `the reference of ${key}` });
  return { ...scored, reference: { picture, subject: Buffer.from(subject).toString('utf8') } };
}

/** A sample as training sees it: nothing is left of the picture that its style was taken from. */
export function withoutReference({ key, files }: Sample): Sample {
  const left = [...files].filter(
    ([name]) => name !== referencePicture && name !== referenceSubject,
  );
  return { key, files: new Map(left) };
}
