import { verifyResampler } from '../../lib/verify/resampler.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('resampler', verifyResampler);
