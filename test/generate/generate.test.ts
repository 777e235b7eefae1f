// Whole pictures with the small model: what a request is, what becomes of it, and what it never disturbs.
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeStyle, prepare } from '../../lib/generate/prepare.ts';
import {
  encodePicture,
  type GenerateOptions,
  type GenerateRequest,
  listDevices,
  makePicture,
  type Picture,
  StyleAR,
  StylearError,
  StyleHandle,
  upright,
} from '../../lib/index.ts';
import { writeSafetensors } from '../../lib/weights/write_safetensors.ts';
import { withSmallModel } from '../support/small_model.ts';
import { essence, eventsOf, imagesOf, requestFor } from './small.ts';

withSmallModel('generate', ({ folder, scratch, style, subject, condition }) => {
  let stylear: StyleAR;
  beforeAll(async () => {
    stylear = await StyleAR.load(folder, { device: 'cpu', threads: 2 });
  });
  afterAll(() => stylear.close());
  const nothingIsLeft = () => {
    expect(stylear.engine.active).toBe(0);
    expect(stylear.engine.pool.available).toBe(stylear.engine.pool.total);
  };

  describe('a picture', () => {
    test('is the same for any window and batch, and says what steps it took', async () => {
      const requests = [1, 2, 3, 4].map((seed) => requestFor(seed, { style }));
      const alone = await imagesOf(stylear, requests, { batch: 1 });
      for (const options of [
        { window: 'auto' },
        { window: 5, batch: 2 },
        { window: 64 },
      ] as const) {
        const images = await imagesOf(stylear, requests, options);
        expect(images.map(essence)).toEqual(alone.map(essence));
        for (const { statistics } of images) {
          const steps = Object.values(statistics.windows).reduce((a, b) => a + b, 0);
          expect(steps).toBe(statistics.steps);
          expect(statistics.accepted).toBeLessThanOrEqual(statistics.drafted);
        }
      }
    });

    test('is what its own seed says, also as a later one of a request with a condition', async () => {
      // Wider than any size it could be cropped to, so that the seed says where.
      const wide = makePicture(
        'RGB',
        400,
        64,
        Uint8Array.from({ length: 76800 }, (_, i) => i % 251),
      );
      const request = requestFor(5, { style, condition: wide });
      const three = await imagesOf(stylear, [{ ...request, count: 3 }]);
      expect(three.map(({ facts }) => facts.seed)).toEqual([5, 6, 7]);
      const [again] = await imagesOf(stylear, [{ ...request, seed: 7 }]);
      expect(again!.tokens).toEqual(three[2]!.tokens);
    });

    test('sees a condition as its orientation says', async () => {
      const seen = makePicture(
        'RGB',
        64,
        96,
        Uint8Array.from({ length: 18_432 }, (_, i) => i % 251),
      );
      // What is turned three times before it is stored is seen upright after one turn more.
      const stored = [1, 2, 3].reduce((picture) => upright({ ...picture, orientation: 6 }), seen);
      const idsOf = async (condition: Picture) => {
        const request = requestFor(5, { style, condition });
        return (await (await prepare(stylear.preparation, request)).promptOf(5)).ids;
      };
      const ids = await idsOf(seen);
      expect(await idsOf({ ...stored, orientation: 6 })).toEqual(ids);
      expect(await idsOf(stored)).not.toEqual(ids);
    });

    test('has as much of the subject in its style as the model says', async () => {
      const { preparation } = stylear;
      const encoded = async (defaults: object, given: Parameters<typeof encodeStyle>[1]) => {
        const all = { ...preparation, defaults: { ...preparation.defaults, ...defaults } };
        return [...(await encodeStyle(all, given)).values];
      };
      const whole = await encoded({}, style);
      const cut = { picture: style, subject };
      const off = (values: readonly number[]) =>
        Math.max(...values.map((value, i) => Math.abs(value - whole[i]!)));
      expect(off(await encoded({ residualRatio: 1 }, cut))).toBeLessThan(1e-5);
      expect(off(await encoded({ subtraction: 0 }, cut))).toBeLessThan(1e-5);
      const [half, usual] = [await encoded({ residualRatio: 0.6 }, cut), await encoded({}, cut)];
      expect(off(half)).toBeCloseTo(off(usual) / 2, 4);
      expect(off(half)).toBeGreaterThan(1e-3);
    });

    test('has the noise that the model says for requests with a condition and without', async () => {
      const noiseOf = async (more: Partial<GenerateRequest>) => {
        const prepared = await prepare(stylear.preparation, requestFor(1, { style, ...more }));
        return prepared.settings.noiseStrength;
      };
      const { noiseStrength, conditionNoiseStrength } = stylear.config.defaults;
      expect(noiseStrength).not.toBe(conditionNoiseStrength);
      expect(await noiseOf({})).toBe(noiseStrength);
      expect(await noiseOf({ condition })).toBe(conditionNoiseStrength);
      expect(await noiseOf({ condition, noiseStrength: 0 })).toBe(0);
    });

    test('is the same from a style that was saved, alone and in a mix', async () => {
      const path = join(scratch, 'ref.style');
      await (await stylear.encodeStyle({ picture: style, subject })).save(path);
      const request = requestFor(8);
      for (const [saved, given] of [
        [path, [{ picture: style, subject }]],
        [
          [{ picture: path, weight: 3 }, { picture: condition }],
          [{ picture: style, subject, weight: 3 }, { picture: condition }],
        ],
      ] as const) {
        const [a] = await imagesOf(stylear, [{ ...request, style: saved }]);
        const [b] = await imagesOf(stylear, [{ ...request, style: given }]);
        expect(essence(a!)).toEqual(essence(b!));
      }
      const { encoder } = await StyleHandle.load(path, stylear.device);
      expect(encoder).toMatch(/^[0-9a-f]{16}$/);
      expect((await stylear.encodeStyle(style)).encoder).toBe(encoder);
    });
  });

  describe('bad input is refused with the name of the option, and nothing is left:', () => {
    const bomb = join(scratch, 'bomb.png');
    const cut = join(scratch, 'cut.png');
    const empty = join(scratch, 'empty.png');
    beforeAll(async () => {
      // A header that claims 60,000 x 60,000 pixels.
      const bytes = readFileSync(style);
      bytes.writeUInt32BE(60_000, 16);
      bytes.writeUInt32BE(60_000, 20);
      writeFileSync(bomb, bytes);
      writeFileSync(cut, readFileSync(style));
      truncateSync(cut, 200);
      writeFileSync(empty, '');
      const narrow = new StyleHandle(new Float32Array(32), 2, 16);
      await narrow.save(join(scratch, 'narrow.style'));
      const { values, count, dim } = await stylear.encodeStyle(style);
      const foreign = new StyleHandle(values, count, dim, 'another');
      await foreign.save(join(scratch, 'foreign.style'));
      const short = new StyleHandle(values.subarray(0, dim), 1, dim);
      await short.save(join(scratch, 'short.style'));
      const elements = () => new Uint8Array(4 * count * dim);
      const bare = { dtype: 'F32' as const, shape: [count, dim], elements };
      await writeSafetensors(join(scratch, 'bare.style'), new Map([['style', bare]]));
      writeFileSync(
        join(scratch, 'none.style'),
        readFileSync(join(folder, 'stylear/model.safetensors')),
      );
    });
    const nan = Number.NaN;
    const cases: readonly [string, Partial<Record<keyof GenerateRequest, unknown>>, string][] = [
      ['no prompt', { prompt: undefined }, 'request 0: expected prompt to be a string'],
      ['an empty prompt', { prompt: ' ' }, 'expected the prompt to be some text, got none'],
      ['an over-long prompt', { prompt: 'x'.repeat(5000) }, 'at most 4096 characters, got 5000'],
      [
        'a prompt of too many tokens',
        { prompt: '\u{1f600}'.repeat(700) },
        'expected the prompt to be of at most',
      ],
      ['half a surrogate', { prompt: '\ud800' }, 'expected the prompt to be well-formed Unicode'],
      [
        'a picture that is not there',
        { style: '/none.png' },
        'expected the picture to be readable',
      ],
      ['an empty picture', { style: empty }, 'empty.png: expected the picture to be a JPEG, PNG'],
      ['half a picture', { style: cut }, 'cut.png: expected'],
      ['a bomb', { style: bomb }, 'bomb.png: expected'],
      ['a bomb as a condition', { style, condition: bomb }, 'bomb.png: expected'],
      ['a bomb as a subject', { style: { picture: style, subject: bomb } }, 'bomb.png: expected'],
      ['a condition without a style', { condition }, 'expected condition to be beside a style'],
      ['no references', { style: [] }, 'expected style to be at least one reference, got none'],
      [
        'a weight that is none',
        { style: [{ picture: style, weight: nan }] },
        'expected style.0.weight to be a number from 0, got NaN',
      ],
      [
        'a style of another width',
        { style: join(scratch, 'narrow.style') },
        'Encode it with this model',
      ],
      [
        'a style of fewer vectors',
        { style: join(scratch, 'short.style') },
        'expected style to be of 16 vectors, as the resampler makes them, got 1',
      ],
      ['no style by the wrong word', { style: null }, 'expected style to be a StyleHandle, a path'],
      ['a number as a style', { style: 42 }, 'or an array of references, got 42'],
      ['an address as a style', { style: new URL('file:///a') }, 'got a URL'],
      ['paths as references', { style: [style] }, 'expected style.0 to be a reference'],
      [
        'a reference without a picture',
        { style: { picture: undefined } },
        'expected style.picture to be a path, the bytes of a file or a picture in memory',
      ],
      [
        'a number as a subject',
        { style: { picture: style, subject: 5 } },
        'expected style.subject to be a path',
      ],
      ['a number as a condition', { style, condition: 5 }, 'expected condition to be a path'],
      [
        'a picture in memory without its pixels',
        {
          style: { mode: 'RGB', width: 10, height: 10, pixels: new Uint8Array(3), orientation: 1 },
        },
        'generate: expected pixels of a 10 x 10 picture of mode RGB to be 300 bytes, got 3',
      ],
      ['no signal', { signal: {} }, 'expected signal to be an AbortSignal, got an object'],
      [
        'seeds beyond the last',
        { seed: Number.MAX_SAFE_INTEGER, count: 2 },
        'expected seed to be at most 9007199254740991 with the last of count pictures',
      ],
      [
        'a style that another model encoded',
        { style: join(scratch, 'foreign.style') },
        "expected style to be a style of this model's CLIP and resampler",
      ],
      [
        'a style that another model encoded, in a mix',
        { style: [{ picture: style }, { picture: join(scratch, 'foreign.style') }] },
        'one of another. Encode it with this model',
      ],
      [
        'vectors that do not say they are a style',
        { style: join(scratch, 'bare.style') },
        'bare.style: expected the file to be a style that was saved, got one of another kind',
      ],
      [
        'a style that is none',
        { style: join(scratch, 'none.style') },
        'expected the file to be a style that was saved',
      ],
      [
        'a subject of a saved style',
        { style: { picture: 'a.style', subject } },
        'expected subject to be that of a picture',
      ],
      [
        'a size of no grid',
        { size: { width: 33, height: 32 } },
        'expected size to be multiples of 32 pixels',
      ],
      [
        'no size',
        { size: { width: 0, height: 32 } },
        'expected size.width to be a whole number from 1',
      ],
      [
        'a size beyond the model',
        { size: { width: 4096, height: 4096 } },
        'expected size to be a picture of less than',
      ],
      [
        'a size that is NaN',
        { size: { width: nan, height: 32 } },
        'expected size.width to be a whole number',
      ],
      ...(
        [
          'seed',
          'count',
          'guidance',
          'imageTopK',
          'topP',
          'minP',
          'temperature',
          'noiseStrength',
          'styleStrength',
          'priority',
        ] as const
      ).map(
        (option) =>
          [`${option} NaN`, { [option]: nan }, `request 0: expected ${option} to be`] as [
            string,
            Partial<GenerateRequest>,
            string,
          ],
      ),
      ['a negative seed', { seed: -1 }, 'expected seed to be a whole number from 0'],
      ['half a picture wanted', { count: 0.5 }, 'expected count to be a whole number from 1'],
    ];

    test.each(cases)('%s', async (_, change, message) => {
      const request = { ...requestFor(1), ...change } as GenerateRequest;
      const wrong = await eventsOf(stylear, [request]).catch((error: unknown) => error);
      expect(wrong).toBeInstanceOf(StylearError);
      expect((wrong as Error).message).toContain(message);
      const events = await eventsOf(stylear, [request, requestFor(2)], { onError: 'event' });
      expect(events.filter(({ type }) => type === 'failed')).toHaveLength(1);
      expect(events.at(-1)).toEqual({
        type: 'done',
        images: 1,
        failed: Number(change.count) === 2 ? 2 : 1,
      });
      nothingIsLeft();
    });

    test.each([null, 7, 'a prompt'])('%j instead of a request', async (request) => {
      await expect(eventsOf(stylear, [request as unknown as GenerateRequest])).rejects.toThrow(
        'request 0: expected the request to be an object, got ',
      );
    });

    test.each([null, 7, 'a prompt', undefined])('%j instead of requests', async (requests) => {
      const events = stylear.generate(requests as unknown as GenerateRequest);
      await expect(events.next()).rejects.toMatchObject({
        code: 'ERR_INPUT',
        message: expect.stringContaining('expected requests to be a request or many of them, got'),
      });
    });

    test('another word for what becomes of failures', async () => {
      const options = { onError: 'Throw' } as unknown as GenerateOptions;
      await expect(eventsOf(stylear, [requestFor(1)], options)).rejects.toThrow(
        'generate: expected onError to be throw or event, got "Throw"',
      );
    });

    test.each([{ batch: nan }, { batch: 0 }, { window: nan }, { window: 65 }])(
      '%j',
      async (options) => {
        const [option] = Object.keys(options);
        await expect(eventsOf(stylear, [requestFor(1)], options)).rejects.toThrow(
          `generate: expected ${option} to be a whole number from 1 to`,
        );
      },
    );

    test('a star in the prompt is a star', async () => {
      const [image] = await imagesOf(stylear, [
        requestFor(1, { style, prompt: '* S* <racm3:break>' }),
      ]);
      expect(image!.facts.prompt).toBe('* S* <racm3:break>');
    });

    test('nothing is written half', async () => {
      const [image] = await imagesOf(stylear, [requestFor(1)]);
      await expect(image!.save(join(scratch, 'none', 'x.png'))).rejects.toMatchObject({
        code: 'ERR_INPUT',
      });
      await expect(image!.save(join(scratch, 'x.bmp'))).rejects.toMatchObject({
        code: 'ERR_INPUT',
      });
    });
  });

  describe('calls side by side', () => {
    test('draw the same pictures', async () => {
      const requests = [1, 2, 3, 4, 5, 6].map((seed) => requestFor(seed, { style }));
      const alone = await imagesOf(stylear, requests);
      const together = await Promise.all(
        requests.map((request, i) => imagesOf(stylear, [request], { window: i % 2 ? 'auto' : 3 })),
      );
      expect(together.flat().map(({ picture }) => picture)).toEqual(
        alone.map(({ picture }) => picture),
      );
      nothingIsLeft();
    });

    test('wait for each other where the cache has room for one', async () => {
      const bytes = 96 * 2 * 3 * 64 * 4;
      await using narrow = await StyleAR.load(folder, {
        device: stylear.device,
        cacheBytes: 3 * bytes,
      });
      const size = { width: 96, height: 96 };
      const both = [1, 2, 3].map((seed) => imagesOf(narrow, [requestFor(seed, { size })]));
      expect((await Promise.all(both)).flat()).toHaveLength(3);
      expect(narrow.engine.pool.available).toBe(narrow.engine.pool.total);
    });

    test('run on several models and devices of one process', async () => {
      const kinds = listDevices().filter(({ name, score }) => score > 0 && name.startsWith('cpu:'));
      const models = await Promise.all([
        ...kinds.map(({ name }) => StyleAR.load(folder, { device: name, threads: 1 })),
        StyleAR.load(folder, { device: stylear.device }),
      ]);
      const request = requestFor(3, { style, temperature: 0 });
      const images = await Promise.all(models.map((model) => model.draw(request)));
      const alone = await stylear.draw(request);
      expect(images.at(-1)!.picture).toEqual(alone.picture);
      for (const { tokens } of images) expect(tokens).toHaveLength(alone.tokens.length);
      for (const model of models) await model.close();
    });
  });

  describe('a source of requests', () => {
    test('may give one that is none, later and between others', async () => {
      async function* source(): AsyncGenerator<GenerateRequest> {
        yield requestFor(1);
        await setImmediate();
        yield { ...requestFor(2), guidance: Number.NaN };
        await setImmediate();
        yield requestFor(3);
      }
      const events = [];
      for await (const event of stylear.generate(source(), { onError: 'event' }))
        events.push(event);
      expect(events.at(-1)).toEqual({ type: 'done', images: 2, failed: 1 });
      const failed = events.find(({ type }) => type === 'failed');
      expect(failed).toMatchObject({ request: 1, error: { code: 'ERR_INPUT' } });
    });

    test('that has nothing yet does not keep an abort from ending a call', async () => {
      const { promise, resolve } = deferred();
      async function* source(): AsyncGenerator<GenerateRequest> {
        yield requestFor(1);
        await promise;
      }
      const controller = new AbortController();
      const run = async () => {
        for await (const event of stylear.generate(source(), { signal: controller.signal }))
          if (event.type === 'image') setTimeout(() => controller.abort(), 20);
      };
      await expect(run()).rejects.toMatchObject({ name: 'AbortError' });
      nothingIsLeft();
      resolve();
    });
  });

  test('a picture of one colour is a style too', async () => {
    const grey = makePicture('L', 1, 1, Uint8Array.of(7));
    const [image] = await imagesOf(stylear, [requestFor(1, { style: await encodePicture(grey) })]);
    expect(image!.picture).toMatchObject({ width: 32, height: 32 });
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
