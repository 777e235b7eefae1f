import { verifyTrain } from '../../lib/verify/train.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('train', verifyTrain, { dtypes: ['f32', 'bf16'] });
