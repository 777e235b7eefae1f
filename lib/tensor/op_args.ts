// Written by `npm run generate` from the op structs in native/core. Do not edit.
import type { Tensor } from './tensor.ts';

/** The arguments of each op. */
export interface OpArgs {
  adamw: {
    readonly weight: Tensor;
    readonly grad: Tensor;
    readonly m: Tensor;
    readonly v: Tensor;
    readonly rounded?: Tensor | undefined;
    readonly rate: Tensor;
    readonly step: Tensor;
    readonly factor?: Tensor | undefined;
    readonly beta1: number;
    readonly beta2: number;
    readonly eps: number;
    readonly decay: number;
  };
  add: {
    readonly x: Tensor;
    readonly y?: Tensor | undefined;
    readonly z: Tensor;
    readonly alpha: number;
    readonly beta: number;
  };
  advance: { readonly x: Tensor; readonly step: Tensor };
  attention: {
    readonly q: Tensor;
    readonly k: Tensor;
    readonly v: Tensor;
    readonly qOffsets?: Tensor | undefined;
    readonly kLengths?: Tensor | undefined;
    readonly y: Tensor;
    readonly lse?: Tensor | undefined;
    readonly causal: boolean;
    readonly scale: number;
  };
  attention_backward: {
    readonly q: Tensor;
    readonly k: Tensor;
    readonly v: Tensor;
    readonly qOffsets?: Tensor | undefined;
    readonly kLengths?: Tensor | undefined;
    readonly y: Tensor;
    readonly lse: Tensor;
    readonly dy: Tensor;
    readonly dq: Tensor;
    readonly dk: Tensor;
    readonly dv: Tensor;
    readonly causal: boolean;
    readonly scale: number;
  };
  cast: { readonly x: Tensor; readonly y: Tensor };
  clip_factor: { readonly total: Tensor; readonly factor: Tensor; readonly maxNorm: number };
  conv2d: {
    readonly x: Tensor;
    readonly weight: Tensor;
    readonly bias?: Tensor | undefined;
    readonly residual?: Tensor | undefined;
    readonly y: Tensor;
    readonly stride: number;
    readonly padding: readonly number[];
  };
  conv2d_backward_input: {
    readonly weight: Tensor;
    readonly dy: Tensor;
    readonly dx: Tensor;
    readonly stride: number;
    readonly padding: readonly number[];
  };
  conv2d_backward_weight: {
    readonly x: Tensor;
    readonly dy: Tensor;
    readonly dweight: Tensor;
    readonly stride: number;
    readonly padding: readonly number[];
  };
  copy_slice: {
    readonly x: Tensor;
    readonly y: Tensor;
    readonly axis: number;
    readonly xBegin: number;
    readonly yBegin: number;
    readonly length: number;
  };
  cross_entropy: {
    readonly logits: Tensor;
    readonly labels: Tensor;
    readonly weights?: Tensor | undefined;
    readonly loss: Tensor;
    readonly lse: Tensor;
    readonly zLoss: number;
  };
  cross_entropy_backward: {
    readonly logits: Tensor;
    readonly labels: Tensor;
    readonly weights?: Tensor | undefined;
    readonly lse: Tensor;
    readonly dloss: Tensor;
    readonly dlogits: Tensor;
    readonly zLoss: number;
  };
  dequantise: { readonly q: Tensor; readonly scale: Tensor; readonly y: Tensor };
  dropout: { readonly x: Tensor; readonly seed: Tensor; readonly y: Tensor; readonly p: number };
  embedding: {
    readonly table: Tensor;
    readonly ids: Tensor;
    readonly rows?: Tensor | undefined;
    readonly slots?: Tensor | undefined;
    readonly y: Tensor;
  };
  embedding_backward: {
    readonly ids: Tensor;
    readonly slots?: Tensor | undefined;
    readonly dy: Tensor;
    readonly dtable?: Tensor | undefined;
    readonly drows?: Tensor | undefined;
  };
  fill: { readonly y: Tensor; readonly value: number };
  gaussian_noise: {
    readonly x: Tensor;
    readonly seed: Tensor;
    readonly y: Tensor;
    readonly strength: number;
  };
  group_norm: {
    readonly x: Tensor;
    readonly weight: Tensor;
    readonly bias: Tensor;
    readonly y: Tensor;
    readonly statistics: Tensor;
    readonly groups: number;
    readonly silu: boolean;
    readonly eps: number;
  };
  group_norm_backward: {
    readonly x: Tensor;
    readonly weight: Tensor;
    readonly bias: Tensor;
    readonly statistics: Tensor;
    readonly dy: Tensor;
    readonly dx: Tensor;
    readonly dweight?: Tensor | undefined;
    readonly dbias?: Tensor | undefined;
    readonly silu: boolean;
  };
  l2_normalise: { readonly x: Tensor; readonly y: Tensor; readonly eps: number };
  l2_normalise_backward: {
    readonly x: Tensor;
    readonly dy: Tensor;
    readonly dx: Tensor;
    readonly eps: number;
  };
  layer_norm: {
    readonly x: Tensor;
    readonly weight: Tensor;
    readonly bias: Tensor;
    readonly y: Tensor;
    readonly eps: number;
  };
  layer_norm_backward: {
    readonly x: Tensor;
    readonly weight: Tensor;
    readonly dy: Tensor;
    readonly dx: Tensor;
    readonly dweight?: Tensor | undefined;
    readonly dbias?: Tensor | undefined;
    readonly eps: number;
  };
  linear: {
    readonly x: Tensor;
    readonly weight: Tensor;
    readonly scale?: Tensor | undefined;
    readonly bias?: Tensor | undefined;
    readonly side?: Tensor | undefined;
    readonly sideWeight?: Tensor | undefined;
    readonly residual?: Tensor | undefined;
    readonly y: Tensor;
    readonly function:
      | 'none'
      | 'gelu'
      | 'quick_gelu'
      | 'silu'
      | 'sigmoid'
      | 'log_sigmoid'
      | 'exp'
      | 'log';
  };
  matmul: {
    readonly a: Tensor;
    readonly b: Tensor;
    readonly c: Tensor;
    readonly transposeA: boolean;
    readonly transposeB: boolean;
    readonly accumulate: boolean;
    readonly alpha: number;
  };
  multiply: { readonly x: Tensor; readonly y: Tensor; readonly z: Tensor };
  nearest_code: { readonly x: Tensor; readonly codebook: Tensor; readonly codes: Tensor };
  paged_attention: {
    readonly q: Tensor;
    readonly kPages: Tensor;
    readonly vPages: Tensor;
    readonly table: Tensor;
    readonly lengths: Tensor;
    readonly y: Tensor;
    readonly scale: number;
  };
  perceiver_attention: {
    readonly q: Tensor;
    readonly kvFeatures: Tensor;
    readonly kvLatents: Tensor;
    readonly y: Tensor;
    readonly lse?: Tensor | undefined;
    readonly scale: number;
  };
  perceiver_attention_backward: {
    readonly q: Tensor;
    readonly kvFeatures: Tensor;
    readonly kvLatents: Tensor;
    readonly y: Tensor;
    readonly lse: Tensor;
    readonly dy: Tensor;
    readonly dq: Tensor;
    readonly dkvFeatures: Tensor;
    readonly dkvLatents: Tensor;
    readonly scale: number;
  };
  permute: { readonly x: Tensor; readonly y: Tensor; readonly order: readonly number[] };
  pointwise: {
    readonly x: Tensor;
    readonly y: Tensor;
    readonly function:
      | 'none'
      | 'gelu'
      | 'quick_gelu'
      | 'silu'
      | 'sigmoid'
      | 'log_sigmoid'
      | 'exp'
      | 'log';
  };
  pointwise_backward: {
    readonly x: Tensor;
    readonly dy: Tensor;
    readonly dx: Tensor;
    readonly function:
      | 'none'
      | 'gelu'
      | 'quick_gelu'
      | 'silu'
      | 'sigmoid'
      | 'log_sigmoid'
      | 'exp'
      | 'log';
  };
  qk_norm_rope_cache: {
    readonly q: Tensor;
    readonly k: Tensor;
    readonly v: Tensor;
    readonly qWeight?: Tensor | undefined;
    readonly qBias?: Tensor | undefined;
    readonly kWeight?: Tensor | undefined;
    readonly kBias?: Tensor | undefined;
    readonly positions: Tensor;
    readonly cachePositions: Tensor;
    readonly table: Tensor;
    readonly y: Tensor;
    readonly kPages: Tensor;
    readonly vPages: Tensor;
    readonly eps: number;
    readonly theta: number;
  };
  quantise: { readonly x: Tensor; readonly q: Tensor; readonly scale: Tensor };
  repeat: { readonly x: Tensor; readonly y: Tensor };
  rms_norm: {
    readonly x: Tensor;
    readonly residual?: Tensor | undefined;
    readonly weight: Tensor;
    readonly y: Tensor;
    readonly h?: Tensor | undefined;
    readonly eps: number;
  };
  rms_norm_backward: {
    readonly h: Tensor;
    readonly weight: Tensor;
    readonly dy: Tensor;
    readonly dh?: Tensor | undefined;
    readonly dx: Tensor;
    readonly dweight?: Tensor | undefined;
    readonly eps: number;
  };
  rope: {
    readonly x: Tensor;
    readonly positions: Tensor;
    readonly y: Tensor;
    readonly theta: number;
    readonly inverse: boolean;
  };
  sample: {
    readonly logits: Tensor;
    readonly uncond?: Tensor | undefined;
    readonly range: Tensor;
    readonly topK: Tensor;
    readonly settings: Tensor;
    readonly seeds: Tensor;
    readonly positions: Tensor;
    readonly tokens: Tensor;
    readonly logProbs?: Tensor | undefined;
    readonly firstToken: number;
  };
  sum_rows: { readonly x: Tensor; readonly y: Tensor; readonly scale: number };
  sum_squares: { readonly x: Tensor; readonly total: Tensor; readonly accumulate: boolean };
  swiglu: { readonly gate: Tensor; readonly up: Tensor; readonly y: Tensor };
  swiglu_backward: {
    readonly gate: Tensor;
    readonly up: Tensor;
    readonly dy: Tensor;
    readonly dgate: Tensor;
    readonly dup: Tensor;
  };
  upsample: { readonly x: Tensor; readonly y: Tensor };
  upsample_backward: { readonly dy: Tensor; readonly dx: Tensor };
}

/** The order in which the native side takes them. */
export const opFields = {
  adamw: [
    'weight',
    'grad',
    'm',
    'v',
    'rounded',
    'rate',
    'step',
    'factor',
    'beta1',
    'beta2',
    'eps',
    'decay',
  ],
  add: ['x', 'y', 'z', 'alpha', 'beta'],
  advance: ['x', 'step'],
  attention: ['q', 'k', 'v', 'qOffsets', 'kLengths', 'y', 'lse', 'causal', 'scale'],
  attention_backward: [
    'q',
    'k',
    'v',
    'qOffsets',
    'kLengths',
    'y',
    'lse',
    'dy',
    'dq',
    'dk',
    'dv',
    'causal',
    'scale',
  ],
  cast: ['x', 'y'],
  clip_factor: ['total', 'factor', 'maxNorm'],
  conv2d: ['x', 'weight', 'bias', 'residual', 'y', 'stride', 'padding'],
  conv2d_backward_input: ['weight', 'dy', 'dx', 'stride', 'padding'],
  conv2d_backward_weight: ['x', 'dy', 'dweight', 'stride', 'padding'],
  copy_slice: ['x', 'y', 'axis', 'xBegin', 'yBegin', 'length'],
  cross_entropy: ['logits', 'labels', 'weights', 'loss', 'lse', 'zLoss'],
  cross_entropy_backward: ['logits', 'labels', 'weights', 'lse', 'dloss', 'dlogits', 'zLoss'],
  dequantise: ['q', 'scale', 'y'],
  dropout: ['x', 'seed', 'y', 'p'],
  embedding: ['table', 'ids', 'rows', 'slots', 'y'],
  embedding_backward: ['ids', 'slots', 'dy', 'dtable', 'drows'],
  fill: ['y', 'value'],
  gaussian_noise: ['x', 'seed', 'y', 'strength'],
  group_norm: ['x', 'weight', 'bias', 'y', 'statistics', 'groups', 'silu', 'eps'],
  group_norm_backward: [
    'x',
    'weight',
    'bias',
    'statistics',
    'dy',
    'dx',
    'dweight',
    'dbias',
    'silu',
  ],
  l2_normalise: ['x', 'y', 'eps'],
  l2_normalise_backward: ['x', 'dy', 'dx', 'eps'],
  layer_norm: ['x', 'weight', 'bias', 'y', 'eps'],
  layer_norm_backward: ['x', 'weight', 'dy', 'dx', 'dweight', 'dbias', 'eps'],
  linear: ['x', 'weight', 'scale', 'bias', 'side', 'sideWeight', 'residual', 'y', 'function'],
  matmul: ['a', 'b', 'c', 'transposeA', 'transposeB', 'accumulate', 'alpha'],
  multiply: ['x', 'y', 'z'],
  nearest_code: ['x', 'codebook', 'codes'],
  paged_attention: ['q', 'kPages', 'vPages', 'table', 'lengths', 'y', 'scale'],
  perceiver_attention: ['q', 'kvFeatures', 'kvLatents', 'y', 'lse', 'scale'],
  perceiver_attention_backward: [
    'q',
    'kvFeatures',
    'kvLatents',
    'y',
    'lse',
    'dy',
    'dq',
    'dkvFeatures',
    'dkvLatents',
    'scale',
  ],
  permute: ['x', 'y', 'order'],
  pointwise: ['x', 'y', 'function'],
  pointwise_backward: ['x', 'dy', 'dx', 'function'],
  qk_norm_rope_cache: [
    'q',
    'k',
    'v',
    'qWeight',
    'qBias',
    'kWeight',
    'kBias',
    'positions',
    'cachePositions',
    'table',
    'y',
    'kPages',
    'vPages',
    'eps',
    'theta',
  ],
  quantise: ['x', 'q', 'scale'],
  repeat: ['x', 'y'],
  rms_norm: ['x', 'residual', 'weight', 'y', 'h', 'eps'],
  rms_norm_backward: ['h', 'weight', 'dy', 'dh', 'dx', 'dweight', 'eps'],
  rope: ['x', 'positions', 'y', 'theta', 'inverse'],
  sample: [
    'logits',
    'uncond',
    'range',
    'topK',
    'settings',
    'seeds',
    'positions',
    'tokens',
    'logProbs',
    'firstToken',
  ],
  sum_rows: ['x', 'y', 'scale'],
  sum_squares: ['x', 'total', 'accumulate'],
  swiglu: ['gate', 'up', 'y'],
  swiglu_backward: ['gate', 'up', 'dy', 'dgate', 'dup'],
  upsample: ['x', 'y'],
  upsample_backward: ['dy', 'dx'],
} as const satisfies { readonly [Op in keyof OpArgs]: readonly (keyof OpArgs[Op])[] };
