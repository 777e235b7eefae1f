import { verifyDpo } from '../../lib/verify/dpo.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('dpo', verifyDpo, { dtypes: ['f32', 'bf16'] });
