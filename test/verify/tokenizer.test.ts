import { verifyTokenizer } from '../../lib/verify/tokenizer.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('tokenizer', verifyTokenizer);
