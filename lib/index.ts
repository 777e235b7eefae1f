export { checkpoint } from './autograd/checkpoint.ts';
export { gradients, valueAndGradients } from './autograd/gradients.ts';
export { record, recordAll } from './autograd/record.ts';
export type { Gradients } from './autograd/tape.ts';
export { ClipEmbedder } from './curate/clip_embedder.ts';
export { type CurateConfig, type CurateConfigOf, readCurateConfig } from './curate/config.ts';
export { curate } from './curate/curate.ts';
export type { CurationOptions } from './curate/curation_options.ts';
export type { CurationReport } from './curate/output.ts';
export {
  clipScore,
  curatePreferences,
  type DrawnSample,
  type DrawPictures,
  type DrawRequest,
  type PreferenceParts,
  type ScorePictures,
} from './curate/preferences.ts';
export { type ErrorCode, StylearError } from './error.ts';
export { type EvaluateConfig, readEvaluateConfig } from './evaluate/config.ts';
export { type EvaluateOptions, evaluate } from './evaluate/evaluate.ts';
export type { Figure } from './evaluate/figures.ts';
export type { Figures, Measure } from './evaluate/measures.ts';
export type { OutsideFigures, OutsideMeasure } from './evaluate/outside_measures.ts';
export type {
  EvaluatedRow,
  EvaluationResult,
  ReconstructionRow,
  ReferenceRow,
} from './evaluate/report.ts';
export type { AnswerStatistics } from './generate/answer.ts';
export { type BatchEvent, type BatchOptions, runBatch } from './generate/batch/batch.ts';
export { FolderOutput } from './generate/batch/folder_output.ts';
export type { PictureEntry, Place } from './generate/batch/journal.ts';
export type { BatchOutput, OutputFile } from './generate/batch/output.ts';
export { readRequestsFile } from './generate/batch/requests_file.ts';
export type { BatchRow } from './generate/batch/row.ts';
export { TarOutput } from './generate/batch/tar_output.ts';
export { drawSamples } from './generate/draw_samples.ts';
export type { GenerateEvent, GenerateOptions } from './generate/generate.ts';
export { GeneratedImage, type ImageFacts, type SaveOptions } from './generate/generated_image.ts';
export type { EstimateMemoryOptions, LoadOptions } from './generate/load_options.ts';
export type {
  GenerateRequest,
  GenerateSettings,
  PictureSource,
  Style,
  StyleReference,
} from './generate/request.ts';
export type { Requests } from './generate/request_queue.ts';
export { StyleHandle } from './generate/style_handle.ts';
export { StyleAR } from './generate/stylear.ts';
export { type Background, type Colour, cutOut, onBackground } from './image/background.ts';
export { type ClipPixelsOptions, clipPixels } from './image/clip_pixels.ts';
export { type ClipPreprocessing, readClipPreprocessing } from './image/clip_preprocessing.ts';
export { toRgb } from './image/convert.ts';
export { bestCropSize, type CropSizesOptions, cropSizes, type Size } from './image/crop_sizes.ts';
export { type DecodeOptions, decodePicture } from './image/decode.ts';
export { type EncodeOptions, encodePicture, writePicture } from './image/encode.ts';
export type { SmoothFilter } from './image/filter_weights.ts';
export {
  type CropOffset,
  type CropPlan,
  drawCropOffset,
  fitCrop,
  planCrop,
} from './image/fit_crop.ts';
export { upright } from './image/orientation.ts';
export {
  crop,
  makePicture,
  type Orientation,
  type Picture,
  type PictureFacts,
  type PictureMode,
} from './image/picture.ts';
export type { PictureFormat } from './image/picture_format.ts';
export { pictureLimits } from './image/picture_limits.ts';
export { readPngText } from './image/png_text.ts';
export { type Filter, type ResizeOptions, resize, type Window } from './image/resize.ts';
export { pictureOfVqganPixels, vqganPixels } from './image/vqgan_pixels.ts';
export {
  Chameleon,
  type ChameleonForwardOptions,
  type ChameleonShape,
} from './models/chameleon.ts';
export type { BranchDropout, ChameleonDims } from './models/chameleon_layer.ts';
export { Clip } from './models/clip.ts';
export type { ClipForwardOptions } from './models/clip_encoder.ts';
export type { ClipText, ClipTextOptions } from './models/clip_text.ts';
export { type ClipTexts, type ClipTextsOptions, clipTexts } from './models/clip_texts.ts';
export type { ClipVision } from './models/clip_vision.ts';
export type { ChameleonConfig } from './models/config/chameleon.ts';
export type {
  ClipActivation,
  ClipConfig,
  ClipTextConfig,
  ClipTowerConfig,
  ClipVisionConfig,
} from './models/config/clip.ts';
export type { ResamplerConfig } from './models/config/resampler.ts';
export type {
  PictureNumbers,
  StyleARConfig,
  StyleARDefaults,
  StyleARFiles,
} from './models/config/stylear.ts';
export type { VqganConfig } from './models/config/vqgan.ts';
export type { EstimateOptions, MemoryEstimate } from './models/estimate.ts';
export { type CachedStep, KvCache, type KvCacheShape } from './models/kv_cache.ts';
export type { LmHead } from './models/lm_head.ts';
export { applyLora, LoraAdapter, mergeLora } from './models/lora.ts';
export { type OpenedChameleon, openChameleon } from './models/open_chameleon.ts';
export { type OpenedClip, openClip } from './models/open_clip.ts';
export {
  type OpenedStyleEncoder,
  openStyleEncoder,
  type StyleEncoderFiles,
} from './models/open_style_encoder.ts';
export { type OpenedVqgan, type OpenVqganOptions, openVqgan } from './models/open_vqgan.ts';
export { Resampler } from './models/resampler.ts';
export { StyleEncoder, type StyleOptions } from './models/style_encoder.ts';
export { addStyleNoise, blendStyle, mixStyles, withoutSubject } from './models/style_tokens.ts';
export { type Quantised, Vqgan, type VqganForwardOptions } from './models/vqgan.ts';
export type { VqganLimits } from './models/vqgan_memory.ts';
export type { Embedding } from './nn/embedding.ts';
export type { Linear, LinearCall, LinearSettings } from './nn/linear.ts';
export { type AdamWOptions, type AdamWState, adamw } from './ops/adamw.ts';
export { type AddOptions, add, addInto, scale, subtract } from './ops/add.ts';
export { advance } from './ops/advance.ts';
export { type AttentionOptions, attention } from './ops/attention.ts';
export { cast, type Float } from './ops/cast.ts';
export { type ClipFactorOptions, clipFactor, globalNorm, sumSquares } from './ops/clip_factor.ts';
export { type Conv2dOptions, conv2d, conv2dInto, type Padding } from './ops/conv2d.ts';
export { concat, copyIn, place, slice, split } from './ops/copy_slice.ts';
export { type CrossEntropyOptions, crossEntropy } from './ops/cross_entropy.ts';
export { type DropoutOptions, dropout } from './ops/dropout.ts';
export { type EmbeddingOptions, embedding, gather } from './ops/embedding.ts';
export { fill } from './ops/fill.ts';
export { type GaussianNoiseOptions, gaussianNoise } from './ops/gaussian_noise.ts';
export { type GroupNormOptions, groupNorm, groupNormInto } from './ops/group_norm.ts';
export {
  type ChannelAffine,
  joinStatistics,
  normStrip,
  stripStatistics,
} from './ops/group_norm_strips.ts';
export { type InfoNceOptions, infoNce } from './ops/info_nce.ts';
export { type L2NormaliseOptions, l2Normalise } from './ops/l2_normalise.ts';
export { type LayerNormOptions, layerNorm } from './ops/layer_norm.ts';
export { type LinearOptions, type Lora, linear } from './ops/linear.ts';
export { type MatmulOptions, matmul, matmulInto } from './ops/matmul.ts';
export { multiply } from './ops/multiply.ts';
export { codeValues, nearestCode, straightThrough } from './ops/nearest_code.ts';
export {
  type PagedAttentionOptions,
  type PagedCache,
  pagedAttention,
} from './ops/paged_attention.ts';
export { type PerceiverAttentionOptions, perceiverAttention } from './ops/perceiver_attention.ts';
export { permute } from './ops/permute.ts';
export {
  exp,
  gelu,
  log,
  logSigmoid,
  type Pointwise,
  pointwise,
  quickGelu,
  sigmoid,
  silu,
} from './ops/pointwise.ts';
export {
  type QkNorm,
  type QkNormRopeCacheOptions,
  qkNormRopeCache,
} from './ops/qk_norm_rope_cache.ts';
export { dequantiseRows, type QuantisedRows, quantiseRows } from './ops/quantise.ts';
export { repeat } from './ops/repeat.ts';
export { reshape } from './ops/reshape.ts';
export { addRmsNorm, type RmsNormOptions, rmsNorm } from './ops/rms_norm.ts';
export { type RopeOptions, rope } from './ops/rope.ts';
export { type Sampled, type SampleOptions, sample } from './ops/sample.ts';
export type { Extents } from './ops/shapes.ts';
export { mean, type SumRowsOptions, sum, sumRows } from './ops/sum_rows.ts';
export { swiglu } from './ops/swiglu.ts';
export { upsample } from './ops/upsample.ts';
export { type Sample, type ShardIndex, Shards } from './shards/shards.ts';
export {
  decodeSample,
  encodeSample,
  type PictureExtension,
  type TrainingSample,
} from './shards/training_sample.ts';
export { type WriteSampleShardsOptions, writeSampleShards } from './shards/write_shards.ts';
export { Device, type MemoryUse } from './tensor/device.ts';
export type { Dtype, TensorValues } from './tensor/dtype.ts';
export { Graph } from './tensor/graph.ts';
export { keep } from './tensor/lifetime.ts';
export { MappedFile } from './tensor/mapped_file.ts';
export type { OpArgs } from './tensor/op_args.ts';
export {
  type DeviceKind,
  listDevices,
  type OpenDeviceOptions,
  openDevice,
} from './tensor/open_device.ts';
export { scope } from './tensor/scope.ts';
export { Tensor } from './tensor/tensor.ts';
export { ClipTokenizer } from './text/clip_tokenizer.ts';
export {
  type Conversation,
  type ConversationOptions,
  conversationIds,
  labelledConversation,
  type Turn,
} from './text/conversation.ts';
export {
  type BrokenImage,
  type GeneratedPart,
  type ImagePart,
  partsOf,
  type TextPart,
  textOfParts,
} from './text/generated.ts';
export {
  emptyState,
  type GrammarState,
  ImageGrammar,
  type ImageGrammarOptions,
  type NextToken,
} from './text/image_grammar.ts';
export { type Grid, gridOfPixels, imageTokenCount, imageTokens } from './text/image_tokens.ts';
export type { Labelled } from './text/labels.ts';
export { answeredPrompt, type Prompt, type PromptOptions, promptOf } from './text/prompt.ts';
export type { PromptContent, PromptKind } from './text/prompt_template.ts';
export { Tokenizer, type TokenizerOptions } from './text/tokenizer.ts';
export type { TokenizerFile, TokenizerFileOptions } from './text/tokenizer_file.ts';
export type { AddedToken, Normalizer, PreTokenizer } from './text/tokenizer_schema.ts';
export {
  chameleonLayout,
  lumina2Layout,
  type TokenReference,
  type Vocabulary,
  type VocabularyLayout,
  vocabularyOf,
} from './text/vocabulary.ts';
export type { BatchStatesOptions } from './train/batch_states.ts';
export {
  type Resumable,
  resumeTraining,
  type SaveTrainingOptions,
  saveTraining,
} from './train/checkpoint.ts';
export {
  type ClipBatch,
  type ClipExample,
  ClipTrainer,
  type ClipTrainerOptions,
} from './train/clip_trainer.ts';
export {
  type ConditionedExample,
  type ConditioningDropout,
  conditionedExample,
} from './train/conditioning.ts';
export { readTrainConfig, type TrainConfig } from './train/config.ts';
export type { DpoOptions, PairLogProbs } from './train/dpo.ts';
export {
  DpoTrainer,
  type DpoTrainerOptions,
  type PreferenceBatch,
  type PreferencePair,
} from './train/dpo_trainer.ts';
export type { DrawPurpose, Draws } from './train/draws.ts';
export {
  type LanguageBatch,
  LanguageTrainer,
  type LanguageTrainerOptions,
  type SequenceLossOptions,
} from './train/language_trainer.ts';
export {
  Training,
  type TrainingEvaluation,
  type TrainingOptions,
  type TrainingStep,
} from './train/loop.ts';
export { type MuonOptions, muon, orthogonalised } from './train/muon.ts';
export type { AdamWSettings, OptimizerSettings } from './train/optimizer.ts';
export type { EpochOrder } from './train/order.ts';
export { type RunOptions, type RunResult, runTraining } from './train/run.ts';
export type { LearningRateSchedule } from './train/schedule.ts';
export type { TrainingReference } from './train/style_reference.ts';
export {
  type StyleBatch,
  type StyleExample,
  StyleTrainer,
  type StyleTrainerOptions,
} from './train/style_trainer.ts';
export type { LabelledSequence, TokenBatch } from './train/token_batch.ts';
export type { TokenLossOptions } from './train/token_losses.ts';
export type { Examples, NamedTensors, PreparedBatch, StepLoss, Trainer } from './train/trainer.ts';
export {
  type VqganExample,
  type VqganLossWeights,
  VqganTrainer,
  type VqganTrainerOptions,
} from './train/vqgan_trainer.ts';
export type { Check } from './verify/check.ts';
export { type VerifiedCheck, type VerifyOptions, verify } from './verify/verify.ts';
export { type ByteSource, inMemory, type OpenFile, openFile } from './weights/byte_source.ts';
export { type Converted, type ConvertOptions, convertWeights } from './weights/convert_weights.ts';
export type { ConvertedTensor, OnConverted } from './weights/converted_tensor.ts';
export { type Init, ones, zeros } from './weights/init.ts';
export { readSafetensors, type Safetensors } from './weights/safetensors.ts';
export { type OpenShardsOptions, openShards, type Shard } from './weights/shard_index.ts';
export type { StoredDtype, StoredTensor, StoredTensors } from './weights/stored_tensor.ts';
export { readTorchFile } from './weights/torch_file.ts';
export type { WeightFile, WeightFiles } from './weights/weight_source.ts';
export {
  type FreshWeightsOptions,
  type OpenWeightsOptions,
  type TensorOptions,
  Weights,
  type WeightsOptions,
} from './weights/weights.ts';
export {
  type Elements,
  type TensorToWrite,
  writeSafetensors,
} from './weights/write_safetensors.ts';
export {
  type WriteShardsOptions,
  type WrittenShards,
  writeShards,
} from './weights/write_shards.ts';
